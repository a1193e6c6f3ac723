"""A compiled template."""

from collections.abc import Mapping
from typing import Any

from towpath.dataplane.templates.compiler import Compiler
from towpath.dataplane.templates.environment import DEFAULT, Environment
from towpath.dataplane.templates.escapes import Escape
from towpath.dataplane.templates.failures import invalid, too_deep, too_large
from towpath.dataplane.templates.helpers.base import LARGEST
from towpath.dataplane.templates.parser import LONGEST, Parser
from towpath.dataplane.templates.runtime import Frame, Run
from towpath.dataplane.templates.scanner import Scanner
from towpath.dataplane.templates.tree import Place, Text

__all__ = ["Template", "compile_template"]


class Template:
    """A compiled template; make it with `compile_template`. Immutable, to be shared by threads.

    ``names``: the dotted paths that it reads from the context; those within elements of loops are left out.
    ``constant``: the text, if there is no expression in it, else None.
    """

    __slots__ = ("_body", "constant", "names", "text")

    def __init__(self, text: str, *, single_braces: bool, escape: Escape) -> None:
        self.text = text
        program = Parser(Scanner(text, single_braces=single_braces)).parse()
        constant = all(isinstance(part, Text) for part in program.parts)
        self.constant = (
            "".join(part.text for part in program.parts if isinstance(part, Text)) if constant else None
        )
        compiled = Compiler(escape).compile(program)
        self.names = compiled.names
        self._body = compiled.body

    def render(self, context: Mapping[str, Any], environment: Environment = DEFAULT) -> str:
        """The text for ``context``. Names that are missing write nothing.

        Raises DataError ``template.failed`` if a helper cannot do with its values, ``template.too_large``.
        """
        if self.constant is not None:
            return self.constant
        try:
            made = self._body(Run(context, environment), Frame(context, None), context)
        except RecursionError as error:
            raise too_deep() from error
        if len(made) > LARGEST:
            raise too_large(f"makes a text of more than {LARGEST >> 20} MB")
        return made

    def __repr__(self) -> str:
        return f"Template({self.text!r})"


def compile_template(text: str, *, single_braces: bool = False, escape: Escape = Escape.NONE) -> Template:
    """The template that ``text`` spells.

    ``single_braces``: ``{name}`` is an expression too, of dotted paths alone. ``escape``: how ``{{x}}`` and
    ``{x}`` write; ``{{{x}}}`` never escapes. Raises ConfigError ``template.invalid`` with line and column, or
    those of regular expressions and paths in it.
    """
    if len(text) > LONGEST:
        raise invalid(Place(1, 1), f"it is longer than {LONGEST} characters", "Make several templates of it.")
    return Template(text, single_braces=single_braces, escape=escape)
