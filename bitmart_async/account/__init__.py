"""The account as one state: orders, fills, balances and positions, merged from REST and streams."""
