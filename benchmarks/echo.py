"""The least that a server of an HTTP API can do: answers every record with its id."""

import socket
from typing import Any

import orjson
import uvicorn


async def application(_scope: dict[str, Any], receive: Any, send: Any) -> None:
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    answer = orjson.dumps({"id": orjson.loads(body)["id"], "ok": True})
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(answer)).encode())]
    await send({"type": "http.response.start", "status": 201, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


if __name__ == "__main__":
    with socket.create_server(("127.0.0.1", 0)) as sock:
        print(f"http://127.0.0.1:{sock.getsockname()[1]}", flush=True)
        config = uvicorn.Config(application, lifespan="off", access_log=False, log_level="warning")
        uvicorn.Server(config).run([sock])
