"""What the exchange refuses with: the error codes, their HTTP statuses and their texts.

A refusal is raised anywhere in the engine and turned into bytes once, by the REST face. Some statuses
are odd on purpose: a body that is not JSON is a 503, a balance that is too low on futures a 200.
"""

from __future__ import annotations

from typing import Final

__all__ = ["Refusal"]

_TABLE: Final[dict[int, tuple[int, str]]] = {
    30000: (404, "Not found"),
    30001: (401, "Header X-BM-KEY is empty"),
    30002: (401, "Header X-BM-KEY not found"),
    30003: (401, "Header X-BM-KEY frozen"),
    30004: (401, "Header X-BM-SIGN is empty"),
    30005: (401, "Header X-BM-SIGN is wrong"),
    30006: (401, "Header X-BM-TIMESTAMP is empty"),
    30007: (401, "Header X-BM-TIMESTAMP range"),
    30008: (401, "Header X-BM-TIMESTAMP invalid format"),
    30010: (403, "Your IP address is not allowed for this key"),
    30011: (403, "Header X-BM-KEY expired"),
    30012: (403, "Header X-BM-KEY has no permission for this"),
    30013: (429, "Request too many requests"),
    30014: (503, "Service unavailable"),
    30016: (200, "Service maintenance, the function is temporarily unavailable"),
    30017: (418, "Your account is temporarily denied access"),
    30018: (503, "Request body format is not json"),
    30031: (200, "This endpoint has been switched off"),
    40007: (400, "Param parse error"),
    40012: (400, "SYMBOL_NOT_EXIST"),
    40015: (400, "Contract trading is suspended"),
    40020: (400, "Position volume not enough"),
    40021: (400, "Position not exist"),
    40027: (400, "Balance available not enough"),
    40028: (400, "Too many plan orders"),
    40029: (400, "Leverage too large"),
    40030: (400, "Leverage too small"),
    40034: (400, "Symbol not exist"),
    40035: (400, "Order not exist"),
    40036: (400, "Order status invalid"),
    40037: (400, "Order id not exist"),
    40038: (400, "Kline step invalid"),
    40039: (400, "Timestamp invalid"),
    40040: (400, "Leverage invalid"),
    40041: (400, "Side invalid"),
    40042: (400, "Type invalid"),
    40043: (400, "Precision invalid"),
    40044: (400, "Size out of range"),
    40045: (400, "Open type invalid"),
    40048: (403, "client_order_id must be letters and digits"),
    40049: (403, "client_order_id too long"),
    40050: (403, "client_order_id duplicated"),
    40059: (400, "Position or order exists"),
    42000: (200, "Balance not enough"),
    50001: (400, "Symbol not found"),
    50005: (400, "Order not found"),
    50006: (400, "Size is less than the minimum"),
    50007: (400, "Size is more than the maximum"),
    50008: (400, "Price is less than the minimum"),
    50010: (400, "Size is missing"),
    50011: (400, "Price is missing"),
    50012: (400, "Notional is missing"),
    50020: (400, "Balance not enough"),
    50021: (400, "Invalid parameter"),
    50025: (400, "Price is more than the maximum"),
    50028: (400, "Missing parameters"),
    50030: (400, "Order is already canceled"),
    50031: (400, "Order is already completed"),
    50032: (400, "Order does not exist, canceled or completed"),
    50033: (400, "Order quantity must be in 1 to 10"),
    50036: (400, "Order can not be canceled"),
    50037: (400, "Client order id is longer than 32"),
    50038: (400, "Client order id must be letters and digits"),
    50039: (400, "Order id and client order id are empty"),
    50040: (400, "Symbol is not available"),
    50041: (400, "Outside the queryable time range"),
    50042: (400, "Client order id is duplicated"),
    51000: (400, "Currency not found"),
    51001: (400, "Margin account not opened"),
    51004: (400, "Over the maximum that can be borrowed"),
    51005: (400, "Below the minimum that can be borrowed"),
    51006: (400, "Repaying more than is owed"),
    51008: (400, "Operation limited, try again later"),
    51011: (400, "Value is less than the minimum trade amount"),
    51012: (400, "Notional is less than the minimum trade amount"),
    51024: (400, "Nothing is borrowed"),
    52000: (400, "Unsupported orderMode"),
    52001: (400, "Unsupported trade type"),
    52002: (400, "Unsupported side"),
    52003: (400, "Unsupported queryState"),
    52004: (400, "End time is before start time"),
    57001: (405, "Method not allowed"),
    59006: (500, "Transfer failed"),
    60000: (400, "Invalid request"),
    60001: (400, "Asset account type does not exist"),
    60002: (400, "Currency does not exist"),
    60003: (400, "Deposits of this currency are closed"),
    60004: (400, "Withdrawals of this currency are closed"),
    60005: (400, "Amount is less than the minimum"),
    60006: (400, "Amount has too many decimals"),
    60007: (400, "Only withdrawals to saved addresses are allowed"),
    60008: (400, "Balance not enough"),
    60009: (400, "Beyond the limit"),
    60010: (400, "Id of deposit or withdrawal not found"),
    60014: (400, "Address memo is wrong"),
    60015: (400, "Address is not verified"),
    60026: (403, "Sub-accounts may not do this"),
    60027: (403, "Only sub-accounts may call this"),
    60053: (403, "Target user is not recognised"),
    60054: (403, "Sub-accounts cannot withdraw"),
    60064: (403, "Today's withdrawal quota is used up"),
    60065: (403, "Sender and receiver are the same user"),
    60066: (400, "The default interval exceeds 90 days"),
    60067: (400, "The interval between start and end exceeds 90 days"),
    61000: (400, "Amount must be positive"),
    61001: (400, "Balance not enough"),
    61003: (400, "Sub-account not found"),
    61004: (400, "requestNo is already used"),
    70001: (200, "Parameter missing"),
    70002: (200, "Symbol invalid"),
    71001: (200, "After invalid"),
    71002: (200, "Before invalid"),
    71003: (200, "After and before do not fit"),
    71004: (200, "Too many candles"),
    71005: (200, "Step invalid"),
}


class Refusal(Exception):
    """The exchange understood the call and says no.

    Attributes:
        code: The exchange's error code.
        status: The HTTP status that goes with it.
        text: What the envelope's ``message`` says.
    """

    def __init__(self, code: int, detail: str = "") -> None:
        status, text = _TABLE[code]
        super().__init__(code, detail)
        self.code = code
        self.status = status
        self.text = f"{text}: {detail}" if detail else text

    def __str__(self) -> str:
        return f"{self.code} {self.text}"
