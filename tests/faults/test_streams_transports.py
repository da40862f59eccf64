"""A chosen set of the stream faults on the transports that are not the default.

All of them run on any transport with BITMART_ASYNC_TRANSPORT=plain or picows in the environment.
"""

from __future__ import annotations

import importlib.util

import pytest

from tests.faults.test_streams_life import (  # noqa: F401 - collected here once per transport
    test_L3_a_blocked_reader_is_no_dead_socket,
    test_L3_a_burst_keeps_its_order_and_counts_its_losses,
)
from tests.faults.test_streams_network import test_T3_an_rst_after_any_number_of_bytes  # noqa: F401
from tests.faults.test_streams_transport import (  # noqa: F401
    test_T1_a_half_open_socket_is_dropped_and_replaced,
    test_T3_a_reset_inside_a_frame_leaves_no_trace_of_the_frame,
    test_T4_every_close_we_did_not_ask_for_reconnects,
    test_T15_slices_and_fragments_read_like_whole_frames,
)
from tests.faults.test_streams_wire import (  # noqa: F401
    test_binary_frames_keep_their_place_among_text_frames,
    test_W1_heartbeats_of_every_form_reach_nobody,
    test_W6_a_frame_beyond_4_mib_ends_the_socket,
)


@pytest.fixture(params=["plain", "picows"], autouse=True)
def _transport(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "picows" and importlib.util.find_spec("picows") is None:
        pytest.skip("picows is not installed: pip install '.[fast]'")
    monkeypatch.setenv("BITMART_ASYNC_TRANSPORT", request.param)
