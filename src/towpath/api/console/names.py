"""``/check-unique``: whether a name is free."""

from towpath.api.console.answers import Answer
from towpath.api.console.members import Here
from towpath.api.console.sources_schemas import Unique, Wish
from towpath.api.kit.routing import Router
from towpath.services.workspace.workspace import Workspace

router = Router(prefix="/api/v1/project/{projectid}", tags=["Names"])


@router.post(
    "/check-unique",
    summary="Ask whether a name is free",
    responses={409: {"description": "The name is taken."}},
)
def check_unique(here: Here, body: Wish) -> Answer[Unique]:
    """Whether a new job, source or destination of the project may be called so."""
    Workspace(*here.use).refuse_taken(here.org, here.project, body.entity_type, body.name)
    return Answer(message="The name is free", data=Unique())
