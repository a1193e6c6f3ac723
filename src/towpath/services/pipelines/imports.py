"""Keeping imports of the records lane."""

from typing import Any

from towpath.core.flows import ImportSpec
from towpath.core.records import Import
from towpath.core.repositories import Repository, UnitOfWork
from towpath.services.pipelines.steps import Steps


class Imports(Steps[Import, ImportSpec]):
    """The use cases of imports."""

    kind = "import"

    def rows(self, work: UnitOfWork) -> Repository[Import]:
        return work.imports

    def new(self, **values: Any) -> Import:
        return Import(**values)
