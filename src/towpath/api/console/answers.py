"""The envelope of answers: ``{"success": true, "message": …, "data": …}``."""

from typing import Generic, TypeVar

from pydantic import BaseModel

T = TypeVar("T")


class Answer(BaseModel, Generic[T]):
    """What every call of the family answers with; errors have ``success`` false and no ``data``."""

    success: bool = True
    message: str
    data: T
