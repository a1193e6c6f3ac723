"""Who may come in, and how much may be asked."""

from support.api import running, settings_of
from towpath.api.integrator import family


def test_a_token_tells_whose_it_is(program):
    assert program.get("/tokenInfo") == {"_userId": program.account, "scope": "*"}


def test_who_shows_no_token_or_a_wrong_one_is_told_so(program, server):
    nobody = server.get("/v1/tokenInfo")
    assert (nobody.status_code, nobody.json()) == (401, {"message": "Unauthorized"})
    for wrong in ("nonsense", f"tp_integrator_{'a' * 43}", server.key(program.org, "broker")):
        found = server.get("/v1/tokenInfo", wrong)
        assert (found.status_code, found.json()) == (401, {"message": "Bearer Authentication Failed"})
