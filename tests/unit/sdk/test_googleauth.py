"""Where requests with Google's credentials may go."""

import pytest

from towpath.sdk import ConfigError
from towpath.sdk.googleauth import check_place


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9050", "https://169.254.169.254", "http://[::1]/"])
def test_endpoints_do_not_lead_inside(endpoint: str, own: bool):
    with pytest.raises(ConfigError) as caught:
        check_place(endpoint, own=own)
    assert (caught.value.code, caught.value.context["field"]) == ("http.blocked_host", "endpoint")


@pytest.mark.parametrize("endpoint", ["https://8.8.8.8", "https://8.8.8.8/?.googleapis.com"])
def test_the_credentials_of_the_machine_go_to_google_alone(endpoint: str):
    check_place(endpoint, own=True)
    with pytest.raises(ConfigError) as caught:
        check_place(endpoint, own=False)
    assert caught.value.context["field"] == "credential"
    check_place("", own=False)
