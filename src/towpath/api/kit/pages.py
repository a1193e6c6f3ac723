"""The few pages that people see while they sign in: plain HTML, no script, nothing from elsewhere."""

import base64
import hashlib
from html import escape

from starlette.responses import HTMLResponse

_STYLE = (
    "body{font:1rem/1.6 system-ui,sans-serif;max-width:30rem;margin:15vh auto;padding:0 1rem;color:#222}"
    "h1{font-size:1.4rem}button,a.button{font:inherit;background:#0b57d0;color:#fff;border:0;"
    "border-radius:.4rem;padding:.6rem 1.4rem;cursor:pointer;text-decoration:none;display:inline-block}"
    "small{color:#555}"
)
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS = {
    "Cache-Control": "no-store",
    "Pragma": "no-cache",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
#: On pages with a button: the redirects that follow it count too, and where a provider leads is its affair.
_FORMS = "form-action 'self' https:"
_NO_FORMS = "form-action 'none'"


def page(title: str, *parts: str, status: int = 200, forms: str | None = None) -> HTMLResponse:
    """A page; ``parts`` are HTML already: see `text`. ``forms``: where else its button may lead."""
    actions = _NO_FORMS if forms is None else f"{_FORMS} {forms}".strip()
    policy = (
        f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; frame-ancestors 'none'; {actions}"
    )
    body = "\n".join([f"<h1>{escape(title)}</h1>", *parts])
    document = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n<body><main>\n{body}\n</main></body></html>\n"
    )
    return HTMLResponse(document, status, {**_HEADERS, "Content-Security-Policy": policy})


def text(words: str) -> str:
    """A paragraph."""
    return f"<p>{escape(words)}</p>"


def small(words: str) -> str:
    return f"<p><small>{escape(words)}</small></p>"


def link(path: str, words: str) -> str:
    """A line that leads to another page of ours."""
    return f'<p><a href="{escape(path)}">{escape(words)}</a></p>'


def button(words: str) -> str:
    """A button that posts to the page's own address."""
    return f'<form method="post"><button type="submit">{escape(words)}</button></form>'


def form(words: str, *fields: str) -> str:
    """A form that posts to the page's own address; ``fields`` are HTML already: see `field`."""
    return f'<form method="post">{"".join(fields)}<button type="submit">{escape(words)}</button></form>'


def field(label: str, name: str, kind: str, complete: str, value: str = "", *, needed: bool = True) -> str:
    """A field of a form; ``kind`` and ``complete`` are HTML's ``type`` and ``autocomplete``."""
    required = " required" if needed else ""
    return (
        f'<p><label>{escape(label)}<br><input name="{name}" type="{kind}" autocomplete="{complete}" '
        f'value="{escape(value)}"{required}></label></p>'
    )


def way_back(url: str | None) -> str:
    """A link to where the person came from; nothing if that is not known."""
    return f'<p><a class="button" rel="noreferrer" href="{escape(url)}">Go on</a></p>' if url else ""


def no_store() -> dict[str, str]:
    """Headers of redirects between pages."""
    return dict(_HEADERS)
