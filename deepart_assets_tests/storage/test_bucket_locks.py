"""A lock in a bucket: one holder at a time, and none for ever."""

import threading
import time

import pytest

from deepart_assets.storage import Lake, bucket_locks, retries

NAME = "records/a/p.json"


@pytest.fixture
def lake(bucket, monkeypatch):
    monkeypatch.setattr(bucket_locks, "POLL_SECONDS", 0.02)
    return Lake(f"{bucket}/lake")


def test_one_at_a_time(lake):
    inside, most, done = [], [], []

    def work(number):
        with lake.lock(NAME):
            inside.append(number)
            most.append(len(inside))
            time.sleep(0.02)
            inside.remove(number)
        done.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(done) == [0, 1, 2, 3]
    assert max(most) == 1
    assert not lake.exists(f"{NAME}.lock")


@pytest.mark.slow
def test_a_lock_whose_holder_is_gone_is_taken_over_and_one_that_is_renewed_is_not(
    lake, monkeypatch
):
    lake.write(f"{NAME}.lock", b"of a machine that is gone 0")
    monkeypatch.setattr(bucket_locks, "LEASE_SECONDS", 1.0)
    monkeypatch.setattr(bucket_locks, "RENEW_SECONDS", 0.1)
    entered = threading.Event()
    with lake.lock(NAME):
        content = lake.read(f"{NAME}.lock")
        assert b"gone" not in content

        def wait():
            with lake.lock(NAME):
                entered.set()

        thread = threading.Thread(target=wait)
        thread.start()
        assert not entered.wait(2)
        assert lake.read(f"{NAME}.lock") != content
    assert entered.wait(20)
    thread.join(20)
    assert not lake.exists(f"{NAME}.lock")


def test_a_lock_is_taken_over_where_tags_are_compared_without_quotes(lake, monkeypatch):
    lake.write(f"{NAME}.lock", b"of a machine that is gone 0")
    monkeypatch.setattr(bucket_locks, "LEASE_SECONDS", 0.1)
    put = lake._fs.pipe_file

    def as_ceph(path, data, IfMatch=None, **condition):
        if IfMatch is not None:
            condition["IfMatch"] = '"0"' if IfMatch.startswith('"') else f'"{IfMatch}"'
        put(path, data, **condition)

    monkeypatch.setattr(lake._fs._fs, "pipe_file", as_ceph)
    with lake.lock(NAME):
        assert b"gone" not in lake.read(f"{NAME}.lock")
    assert not lake.exists(f"{NAME}.lock")


def renewals(lake, monkeypatch, renew):
    """Let `renew` make each request that renews a lock; it has a function that makes it."""
    put = lake._fs.pipe_file

    def request(path, data, **condition):
        if "IfNoneMatch" in condition:
            put(path, data, **condition)
        else:
            renew(lambda: put(path, data, **condition))

    monkeypatch.setattr(bucket_locks, "RENEW_SECONDS", 0.05)
    monkeypatch.setattr(lake._fs._fs, "pipe_file", request)


def test_a_renewal_that_comes_late_leaves_the_lock_of_who_took_it_over(lake, monkeypatch):
    late, put = threading.Event(), lake._fs.pipe_file

    def after_another(request):
        if not late.is_set():
            put(lake._full(f"{NAME}.lock"), b"another's 0")
            late.set()
        request()

    renewals(lake, monkeypatch, after_another)
    with lake.lock(NAME):
        assert late.wait(20)
    assert lake.read(f"{NAME}.lock") == b"another's 0"


def test_a_lock_whose_renewal_was_not_answered_is_renewed_on(lake, monkeypatch):
    asked = threading.Semaphore(0)

    def again(request):
        asked.release()
        request()
        request()  # as the answer to the first was lost

    renewals(lake, monkeypatch, again)
    with lake.lock(NAME):
        for _ in range(4):
            assert asked.acquire(timeout=20)
    assert not lake.exists(f"{NAME}.lock")


def test_an_outage_ends_no_renewing_and_replaces_no_success(lake, monkeypatch):
    """The client's errors are not all Python's."""
    from botocore.exceptions import EndpointConnectionError

    gone = EndpointConnectionError(endpoint_url="http://nowhere")
    monkeypatch.setattr(retries, "PATIENCE_SECONDS", 0)
    monkeypatch.setattr(retries, "PAUSE_SECONDS", 0)
    asked = threading.Semaphore(0)

    def unanswered(*_, **__):
        asked.release()
        raise gone

    renewals(lake, monkeypatch, lambda request: unanswered())
    with lake.lock(NAME):
        for _ in range(4):
            assert asked.acquire(timeout=20)
        monkeypatch.setattr(lake._fs._fs, "cat_file", unanswered)
    assert asked.acquire(timeout=20)


def test_who_has_lost_a_lock_leaves_that_of_another(lake):
    with lake.lock(NAME):
        lake.write(f"{NAME}.lock", b"another's 0")
    assert lake.read(f"{NAME}.lock") == b"another's 0"
