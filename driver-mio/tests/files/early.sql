-- The database of a node of the earlier generation, written by hand after the specification, section 8:
-- base64 text with a line end, local times without a zone. The identity is the SHA-1 of "early", keys are
-- those of "one", "two" and "three".
CREATE TABLE kv (key KHASH, value DHT_VALUE, last_refresh TIMESTAMP, PRIMARY KEY (key, value));
CREATE INDEX kv_key ON kv(key);
CREATE INDEX kv_last_refresh ON kv(last_refresh);
CREATE TABLE nodes (id KHASH PRIMARY KEY, host TEXT, port NUMBER);
CREATE TABLE self (num NUMBER PRIMARY KEY, id KHASH);
INSERT INTO self VALUES (0, 'gYdDuWeh/b/1K77vj7nWL7m057s=' || char(10));
INSERT INTO nodes VALUES ('hvfkN/qlp/zhXR3cuerq6jd2Z7g=' || char(10), '192.0.2.1', 9977);
INSERT INTO nodes VALUES ('6dcfXufJLW3J6S/9rRe4vUlBj5g=' || char(10), '192.0.2.2', 9978);
-- A name is no address.
INSERT INTO nodes VALUES ('hKUWhBuneltGSN4s0N/LMOpG27Q=' || char(10), 'example.net', 9977);
INSERT INTO kv VALUES ('/gW83NxJKAEngaXxoqd8u1OY4QY=' || char(10), 'Zmlyc3Q=' || char(10), strftime('%Y-%m-%d %H:%M:%S', 'now', '-10 minutes', 'localtime') || '.123456');
-- Without a fraction, as where the microseconds are 0.
INSERT INTO kv VALUES ('/gW83NxJKAEngaXxoqd8u1OY4QY=' || char(10), 'c2Vjb25k' || char(10), strftime('%Y-%m-%d %H:%M:%S', 'now', '-50 minutes', 'localtime'));
-- Its base64 text is 01234567, of which the type of the column makes a number.
INSERT INTO kv VALUES ('rXguzax3D8brmmLkT5CHP7l/sms=' || char(10), '01234567' || char(10), strftime('%Y-%m-%d %H:%M:%S', 'now', '-20 minutes', 'localtime') || '.123456');
-- Its hour is over.
INSERT INTO kv VALUES ('uALzhDAssk+6sKRJl+ggvy6FB7s=' || char(10), 'b2xk' || char(10), strftime('%Y-%m-%d %H:%M:%S', 'now', '-61 minutes', 'localtime') || '.123456');
-- No base64.
INSERT INTO kv VALUES ('uALzhDAssk+6sKRJl+ggvy6FB7s=' || char(10), '?', strftime('%Y-%m-%d %H:%M:%S', 'now', '-1 minutes', 'localtime') || '.123456');
