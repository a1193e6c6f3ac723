"""Lists: which part of them is asked for, and which fields."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Query, Request
from starlette.responses import Response

from towpath.api.integrator.documents import Document, answer
from towpath.api.integrator.errors import Fault, Refused

#: How many a list holds at most.
MOST = 1000


@dataclass(frozen=True)
class Part:
    """The part of a list that is asked for."""

    skip: int
    limit: int
    include: frozenset[str]
    exclude: frozenset[str]
    url: str
    """Of the request, without a query."""

    @property
    def needed(self) -> int:
        """How many to look up: one more than is shown tells whether there are more."""
        return self.skip + self.limit + 1

    def answer(self, found: Sequence[Document]) -> Response:
        """``found`` are the first `needed` ones. ``Link`` is sent where there are more."""
        shown = [self._projected(document) for document in found[self.skip : self.skip + self.limit]]
        headers = {"Link": self._link()} if len(found) > self.skip + self.limit else {}
        return answer(shown, headers=headers)

    def _projected(self, document: Document) -> Mapping[str, Any]:
        if self.include:
            return {name: document[name] for name in document if name in self.include or name == "_id"}
        return {name: value for name, value in document.items() if name not in self.exclude}

    def _link(self) -> str:
        links = [self._to(self.skip + self.limit, "next")]
        if self.skip:
            links.append(self._to(max(0, self.skip - self.limit), "prev"))
        return ", ".join(links)

    def _to(self, skip: int, relation: str) -> str:
        more = "".join(
            f"&{name}={','.join(sorted(names))}"
            for name, names in (("include", self.include), ("exclude", self.exclude))
            if names
        )
        return f'<{self.url}?skip={skip}&limit={self.limit}{more}>; rel="{relation}"'


def part(
    request: Request,
    skip: Annotated[int, Query(ge=0, le=2**31)] = 0,
    limit: Annotated[int, Query(ge=1, le=MOST)] = MOST,
    include: Annotated[str, Query(max_length=1000, description="The only fields to show.")] = "",
    exclude: Annotated[str, Query(max_length=1000, description="The fields not to show.")] = "",
) -> Part:
    if include and exclude:
        raise Refused(
            Fault("invalid_query_params", "Say either what to include or what to exclude."), status=400
        )
    base = request.app.state.rooms.public_url or f"{request.url.scheme}://{request.url.netloc}"
    return Part(skip, limit, _words(include), _words(exclude), base + request.url.path)


def _words(text: str) -> frozenset[str]:
    return frozenset(word.strip() for word in text.split(",") if word.strip())


Asked = Annotated[Part, Depends(part)]
