"""What the desk refuses: strangers, other sites, paths that leave the lake."""

import pytest

from deepart_assets.desk.security import COOKIE, CSRF


def test_another_host_is_refused_on_loopback(client):
    # A page whose name an attacker has let point at 127.0.0.1.
    assert client.get("/", headers={"host": "attacker.example:3001"}).status_code == 421
    for host in ("localhost:3001", "127.0.0.1", "[::1]:3001"):
        assert client.get("/", headers={"host": host}).status_code == 200


def test_a_token_is_asked_for(open_desk):
    client = open_desk(token="sesame")
    for path in ("/", "/p/a1", "/p/a1/state", "/file/a1/original", "/?token=wrong", "/nowhere"):
        assert client.get(path).status_code == 401, path
    assert "password" in client.get("/", headers={"accept": "text/html"}).text
    assert client.get("/static/desk.css").status_code == 200
    assert client.get("/p/a1/state", headers={"authorization": "Bearer sesame"}).status_code == 200
    entered = client.get("/p/a1?token=sesame&x=1", follow_redirects=False)
    assert entered.headers["location"] == "/p/a1?x=1"
    cookie = entered.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert client.cookies[COOKIE] == "sesame"
    assert client.get("/").status_code == 200


def test_the_redirect_stays_on_the_desk(open_desk):
    client = open_desk(token="sesame")
    answer = client.get("http://127.0.0.1:3001//evil.example/?token=sesame", follow_redirects=False)
    assert answer.headers["location"].startswith("/evil")


@pytest.mark.parametrize(
    "path",
    [
        "/file/..%2F..%2Fetc%2Fpasswd/original",
        "/file/a1/..%2Fstyled_paintings",
        "/file/a1/styled_paintings",
        "/file/a1/records",
        "/file/../original",
        "/thumb/a1/original/..%2F..%2F..%2Fetc/240.jpg",
        "/thumb/a1/original/0000000000000000/241.jpg",
        "/thumb/a1/art_esrgan/0000000000000000/240.jpg",
        "/tiles/a1/original/ZZZZZZZZZZZZZZZZ/size.json",
        "/static/..%2Fapp.py",
        "/static/../app.py",
        "/p/none/state",
    ],
)
def test_no_path_leaves_what_is_shown(client, path):
    assert client.get(path).status_code == 404


def test_every_answer_has_the_headers(client):
    for path in ("/", "/p/a1/state", "/nowhere", "/static/desk.css"):
        headers = client.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
    assert client.get("/").headers["cache-control"] == "no-store"


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "PATCH"])
def test_forged_writes_are_refused(client, method):
    def status(**headers):
        return client.request(method, "/p/a1/mask", headers=headers).status_code

    assert status(**{CSRF: ""}) == 403
    assert status(**{CSRF: "x" * 32}) == 403
    assert status(origin="https://evil.example") == 403
    assert status(origin="null") == 403
    assert status(**{"sec-fetch-site": "cross-site"}) == 403
    assert status(**{"sec-fetch-site": "same-site"}) == 403
    assert status(origin="http://127.0.0.1:3001") != 403


def test_a_desk_for_reading_only(open_desk):
    client = open_desk(read_only=True)
    assert client.get("/p/a1").status_code == 200
    answer = client.put("/p/a1/mask", content=b"")
    assert answer.status_code == 403
    assert "read-only" in answer.json()["error"]
    assert not client.desk.lake.list("registers")
