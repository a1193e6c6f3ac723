"""Several servers in one home: all answer, one works, and another one takes over."""

import signal
import time

from support.command import PATIENCE, get


def test_all_servers_of_a_home_answer_and_the_second_takes_over(towpath):
    with towpath.serving() as (first, working), towpath.serving() as (second, waiting):
        assert [get(f"{url}/readyz")[0] for url in (first, second)] == [200, 200]
        working.send_signal(signal.SIGKILL)
        working.wait(PATIENCE)
        until = time.monotonic() + PATIENCE
        while str(waiting.pid) not in (towpath.home / "home.lock").read_text():
            assert time.monotonic() < until
            time.sleep(0.1)
        assert str(waiting.pid) in towpath("worker", code=75).stderr
        assert get(f"{second}/readyz")[0] == 200
        waiting.send_signal(signal.SIGTERM)
        assert waiting.wait(PATIENCE) == 143


def test_a_server_that_only_answers_ends_in_order(towpath):
    with towpath.serving(), towpath.serving() as (url, waiting):
        assert get(f"{url}/healthz")[0] == 200
        waiting.send_signal(signal.SIGTERM)
        assert waiting.wait(PATIENCE) == 143
