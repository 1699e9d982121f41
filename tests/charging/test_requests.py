"""What is asked, as people read it."""

from diameter_ocs.charging.requests import session_id_text


def test_a_session_id_does_nothing_to_a_terminal() -> None:
    text = session_id_text(b"gw;1\x1b[2J\r\n\x7f\xff\xc2\x9b1;\xc3\xa4")
    assert text == "gw;1\\x1b[2J\\x0d\\x0a\\x7f\\xff\\x9b1;\u00e4"
