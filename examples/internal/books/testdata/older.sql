-- A database as the shop made it while it kept tokens in plain and its hold key in
-- shop_settings. Alice is connected, and has ordered a gift wrap.
BEGIN TRANSACTION;
CREATE TABLE gloebit_credentials (
	user_id       BLOB NOT NULL PRIMARY KEY,
	access_token  BLOB NOT NULL,
	refresh_token BLOB NOT NULL,
	token_secret  BLOB NOT NULL,
	scopes        BLOB NOT NULL,
	gloebit_id    BLOB NOT NULL,
	expiry        INTEGER,
	connected_at  INTEGER,
	valid_until   INTEGER,
	version       INTEGER NOT NULL
);
INSERT INTO "gloebit_credentials" VALUES(X'616C696365',X'746865206F6C64657220746F6B656E206F6620616C696365',X'',X'',X'75736572207472616E73616374',X'616C6963652D61742D676C6F65626974',NULL,1793534400000000,NULL,1);
CREATE TABLE gloebit_purchases (
	id         BLOB NOT NULL PRIMARY KEY,
	user_id    BLOB NOT NULL,
	order_key  BLOB NOT NULL,
	held_key   BLOB,
	state      TEXT NOT NULL,
	created_at INTEGER NOT NULL,
	next_at    INTEGER,
	stuck_at   INTEGER,
	key_until  INTEGER,
	purchase   BLOB NOT NULL
);
INSERT INTO "gloebit_purchases" VALUES(X'31313131313131312D313131312D343131312D383131312D313131313131313131313131',X'616C696365',X'',NULL,'created',1795301934935368,NULL,NULL,NULL,X'7B226964223A2231313131313131312D313131312D343131312D383131312D313131313131313131313131222C22757365725F6964223A22222C226974656D223A22676966742D77726170222C227072696365223A352C227175616E74697479223A332C227374617465223A2263726561746564222C22637265617465645F6174223A22323032362D31312D32315432323A35383A35342E3933353336385A222C22757064617465645F6174223A22323032362D31312D32315432323A35383A35342E3933353336385A222C22686973746F7279223A6E756C6C7D');
CREATE TABLE gloebit_schema (
	version INTEGER PRIMARY KEY
);
INSERT INTO "gloebit_schema" VALUES(1);
INSERT INTO "gloebit_schema" VALUES(2);
CREATE TABLE gloebit_states (
	state_key  BLOB NOT NULL PRIMARY KEY,
	user_id    BLOB NOT NULL,
	verifier   BLOB NOT NULL,
	return_to  BLOB NOT NULL,
	binding    BLOB NOT NULL,
	scopes     BLOB NOT NULL,
	required   BLOB NOT NULL,
	expires_at INTEGER NOT NULL
);
CREATE TABLE shop_jobs (
	purchase TEXT NOT NULL PRIMARY KEY,
	visitor  TEXT NOT NULL,
	service  TEXT NOT NULL,
	pieces   INTEGER NOT NULL,
	day      TEXT NOT NULL,
	done     INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE shop_settings (
	name  TEXT NOT NULL PRIMARY KEY,
	value TEXT NOT NULL
);
INSERT INTO "shop_settings" VALUES('application','the shop');
INSERT INTO "shop_settings" VALUES('hold key','GTVFJHCSELNQQOM7ABTPQIIROOYIPAURG7X7NTQGFKR3D65YNPW3');
CREATE TABLE shop_used (
	form TEXT NOT NULL PRIMARY KEY,
	at   INTEGER NOT NULL
);
CREATE INDEX gloebit_credentials_valid_until ON gloebit_credentials (valid_until);
CREATE INDEX gloebit_states_expires_at ON gloebit_states (expires_at);
CREATE UNIQUE INDEX gloebit_purchases_held_key ON gloebit_purchases (user_id, held_key);
CREATE INDEX gloebit_purchases_created_at ON gloebit_purchases (created_at, id);
CREATE INDEX gloebit_purchases_user_id ON gloebit_purchases (user_id, created_at, id);
CREATE INDEX gloebit_purchases_state ON gloebit_purchases (state, created_at, id);
CREATE INDEX gloebit_purchases_stuck_at ON gloebit_purchases (created_at, id) WHERE stuck_at IS NOT NULL;
CREATE INDEX gloebit_purchases_next_at ON gloebit_purchases (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX shop_jobs_of_a_day ON shop_jobs (service, day);
CREATE INDEX shop_jobs_of_a_visitor ON shop_jobs (visitor);
COMMIT;
