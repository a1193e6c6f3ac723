"""Templates: ``{{…}}`` as of Handlebars, and ``{…}`` of 2016, compiled once and rendered per record.

>>> greeting = compile_template("Dear {{capitalize record.name}},{{#if record.vip}} welcome back!{{/if}}")
>>> greeting.render({"record": {"name": "ada", "vip": True}})
'Dear Ada, welcome back!'
>>> sorted(greeting.names)
['record.name', 'record.vip']
>>> compile_template("/customers/{id}?q={a.0.b}", single_braces=True, escape=Escape.URI).render({"id": "a/b"})
'/customers/a%2Fb?q='
"""

from towpath.dataplane.templates.environment import Environment
from towpath.dataplane.templates.escapes import Escape
from towpath.dataplane.templates.template import Template, compile_template
from towpath.dataplane.templates.values import text

__all__ = ["Environment", "Escape", "Template", "compile_template", "text"]
