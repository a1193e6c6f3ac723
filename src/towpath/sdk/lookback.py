"""How far behind the last cursor value an incremental read starts again."""

import math
from decimal import ROUND_FLOOR, Decimal, localcontext

import pyarrow as pa

_DAY = 86_400
_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}


def earlier(value: pa.Scalar, lookback: float) -> pa.Scalar:
    """The value minus seconds (dates: whole days, rounded up; timestamps) or units (numbers).

    >>> earlier(pa.scalar(10), 2.5).as_py()
    7
    """
    type = value.type
    if pa.types.is_timestamp(type):
        return pa.scalar(value.value - math.ceil(lookback * _PER_SECOND[type.unit]), type)
    if pa.types.is_date32(type):
        return pa.scalar(value.value - math.ceil(lookback / _DAY), type)
    if pa.types.is_decimal(type):
        with localcontext(prec=80, rounding=ROUND_FLOOR):
            lower = value.as_py() - Decimal(str(lookback))
            return pa.scalar(lower.quantize(Decimal(1).scaleb(-type.scale)), type)
    floor = 0 if pa.types.is_unsigned_integer(type) else -(2 ** (type.bit_width - 1))
    return pa.scalar(max(value.as_py() - math.ceil(lookback), floor), type)
