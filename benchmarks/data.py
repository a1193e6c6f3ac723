"""The wide table that is moved, made in the server itself."""

from typing import Any

#: 21 columns as business tables have them: keys, amounts, texts, times, a document; nine may be null.
WIDE = """
create table wide (
  id bigint primary key, account bigint not null, quantity int not null, kind smallint not null,
  price numeric(12,2) not null, tax numeric(12,4), discount numeric(8,3),
  score float8 not null, latitude float8, longitude float8,
  status text not null, country text not null, name text not null, note text,
  created_at timestamptz not null, updated_at timestamptz, local_time timestamp,
  due date, paid boolean not null, reference uuid not null, attributes jsonb
);
insert into wide
select i, i % 100000, (i * 7919) % 1000, i % 12,
  (i % 1000000) / 100.0, case when i % 10 > 0 then (i % 10000) / 10000.0 end,
  case when i % 3 = 0 then (i % 1000) / 1000.0 end,
  sqrt(i),
  case when i % 5 > 0 then (i % 180) - 90 + 0.125 end,
  case when i % 5 > 0 then (i % 360) - 180.5 end,
  (array['open','paid','shipped','returned'])[1 + (i % 4)::int],
  (array['NL','DE','FR','US','JP','BR'])[1 + (i % 6)::int],
  'customer ' || md5(i::text),
  case when i % 2 = 0 then 'note on order ' || i || ' ' || md5((i * 3)::text) end,
  timestamptz '2024-01-01' + i * interval '7 seconds',
  case when i % 4 > 0 then timestamptz '2024-06-01' + i * interval '5 seconds' end,
  case when i % 7 > 0 then timestamp '2023-01-01' + i * interval '3 seconds' end,
  case when i % 6 > 0 then date '2024-01-01' + (i % 3650)::int end,
  i % 2 = 0, md5(i::text)::uuid,
  case when i % 3 > 0 then jsonb_build_object(
    'sku', i % 5000, 'tags', jsonb_build_array('a', i % 7), 'gift', i % 11 = 0) end
from generate_series(1::bigint, {rows}) as i;
vacuum analyze wide;
"""


def make_wide(connection: Any, rows: int) -> None:
    """Create and fill the table ``wide``. ``connection`` is a psycopg one in autocommit."""
    for statement in WIDE.format(rows=rows).split(";"):
        if statement.strip():
            connection.execute(statement)
