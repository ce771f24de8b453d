from src.dataset.formats.image_ids import assign_ids, unique_names


def test_ids_are_unique_and_do_not_depend_on_the_order():
    names = ["b.jpg", "3.jpg", "003.jpg", "a.jpg", "1.png", "99999999999.jpg", "2147483648.jpg"]
    ids = dict(zip(names, assign_ids(names)))
    # 003 comes before 3 in sorted order and keeps the number; numbers beyond 31 bits are names.
    assert ids == {"1.png": 1, "003.jpg": 3, "2147483648.jpg": 2, "3.jpg": 4, "99999999999.jpg": 5, "a.jpg": 6,
                   "b.jpg": 7}
    assert dict(zip(reversed(names), assign_ids(names[::-1]))) == ids
    assert assign_ids([]) == []


def test_unique_names():
    names = ["a.jpg", "a.jpg", "a#1.jpg", "a.jpg", "x/a.jpg", "x/a.jpg", "y/a.jpg", "y/a.jpg"]
    assert unique_names(names) == [
        "a.jpg", "a#2.jpg", "a#1.jpg", "a#3.jpg", "x/a.jpg", "x/a#1.jpg", "y/a.jpg", "y/a#1.jpg"]
