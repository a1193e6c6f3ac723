-- What happens in a database while nobody copies it: one more day of flights and weather, delays corrected,
-- planes refitted. It can happen any number of times: each adds the day after the last one.

INSERT INTO flights
SELECT extract(year FROM next_day), extract(month FROM next_day), extract(day FROM next_day),
       dep_time, sched_dep_time, dep_delay, arr_time, sched_arr_time, arr_delay, carrier, flight, tailnum,
       origin, dest, air_time, distance, hour, minute, time_hour + interval '1 day', clock_timestamp()
FROM (
  SELECT *, make_date(year, month, day) + 1 AS next_day
  FROM flights
  WHERE make_date(year, month, day) = (SELECT max(make_date(year, month, day)) FROM flights)
) AS last_day;

UPDATE flights
SET arr_delay = 0, updated_at = clock_timestamp()
WHERE (time_hour, carrier, flight, origin) IN (
  SELECT time_hour, carrier, flight, origin FROM flights
  WHERE arr_delay > 0 ORDER BY arr_delay DESC, time_hour, carrier, flight, origin LIMIT 1000
);

INSERT INTO weather
SELECT origin, extract(year FROM next_hour), extract(month FROM next_hour), extract(day FROM next_hour),
       extract(hour FROM next_hour), temp, dewp, humid, wind_dir, wind_speed, wind_gust, precip, pressure, visib,
       next_hour
FROM (
  SELECT *, time_hour + interval '1 day' AS next_hour
  FROM weather
  WHERE time_hour > (SELECT max(time_hour) FROM weather) - interval '1 day'
) AS last_day;

UPDATE planes SET seats = seats + 1 WHERE engines = 2 AND seats < 200;
