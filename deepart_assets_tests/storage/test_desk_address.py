"""The address of the desk, to which what is made has links."""

from deepart_assets.storage import Lake
from deepart_assets.storage.desk_address import desk_at, desk_page


def test_of_two_desks_the_last_one_is_linked_to_until_it_ends(tmp_path):
    lake = Lake(tmp_path)
    first, second = desk_at(lake, "http://a:1/"), desk_at(lake, "http://b:2/")
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert desk_page(lake, "é/1") == "http://b:2/p/%C3%A9%2F1"
    second.__exit__(None, None, None)
    assert desk_page(lake, "1") is None
    with desk_at(lake, "http://a:1/"):
        lake.remove("registers/desk.txt")  # with the lake's other caches
