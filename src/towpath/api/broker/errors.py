"""How this family says no: ``{"detail": …}``, and for a wrong request the list of what is wrong in it."""

from starlette.responses import Response

from towpath.api.kit.errors import Errors
from towpath.core.errors import AuthError, ConfigError, DataError, TowpathError

_UNPROCESSABLE = 422


class BrokerErrors(Errors):
    """What services find wrong with a body reads as what its shape makes wrong."""

    def answer(self, error: TowpathError) -> Response:
        if self.status(error) != _UNPROCESSABLE:
            return super().answer(error)
        field = str(error.context.get("field", ""))
        place = ["body", *field.split(".")] if field else ["body"]
        return self.invalid([{"loc": place, "msg": error.message, "type": error.code}])


#: An `AuthError` of a service is another system's refusal, not ours: 401 would blame the caller's key.
errors = BrokerErrors(
    {ConfigError: _UNPROCESSABLE, DataError: _UNPROCESSABLE, AuthError: 424}, not_found="Not found"
)
