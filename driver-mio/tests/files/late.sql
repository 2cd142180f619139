-- The database of a node of the later generation, written by hand after the specification, section 8. The
-- identity is the SHA-1 of "late", with its version A015 at the end (section 3); the key is that of "one".
CREATE TABLE kv (key KHASH, value DHT_VALUE, last_refresh TIMESTAMP, PRIMARY KEY (key, value));
CREATE INDEX kv_key ON kv(key);
CREATE INDEX kv_last_refresh ON kv(last_refresh);
CREATE TABLE nodes (id KHASH PRIMARY KEY, host TEXT, port NUMBER);
CREATE TABLE self (num NUMBER PRIMARY KEY, id KHASH);
INSERT INTO self VALUES (0, 'XWIA+M+Yr0de3Kwsl/lmrUEwMTU=' || char(10));
INSERT INTO nodes VALUES ('PDY4Ns9OFmZmaaJdooChhlwtKHQ=' || char(10), '192.0.2.3', 65535);
INSERT INTO kv VALUES ('/gW83NxJKAEngaXxoqd8u1OY4QY=' || char(10), 'dmFsdWU=' || char(10), strftime('%Y-%m-%d %H:%M:%S', 'now', '-150 minutes', 'localtime') || '.123456');
-- Its three hours are over.
INSERT INTO kv VALUES ('/gW83NxJKAEngaXxoqd8u1OY4QY=' || char(10), 'b2xk' || char(10), strftime('%Y-%m-%d %H:%M:%S', 'now', '-181 minutes', 'localtime') || '.123456');
