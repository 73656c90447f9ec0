#ifndef AUDITOR_DB_ROW_H
#define AUDITOR_DB_ROW_H

#include <jansson.h>
#include <stddef.h>

#include "auditor/db/db.h"

/*
 * The cells of a result as new JSON values; null for SQL null.
 */

json_t *row_str(const struct db_res *, size_t row, size_t col);
json_t *row_int(const struct db_res *, size_t row, size_t col);
json_t *row_real(const struct db_res *, size_t row, size_t col);
json_t *row_bool(const struct db_res *, size_t row, size_t col);

/* A timestamptz as RFC 3339. */
json_t *row_time(const struct db_res *, size_t row, size_t col);

/* SQL: the timestamptz expression ${x} as RFC 3339 text, for JSON of SQL. */
#define ROW_RFC3339(x) "to_char((" x ") at time zone 'UTC', " \
	"'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"

/* JSON text that SQL made; null where it is null. */
json_t *row_json(const struct db_res *, size_t row, size_t col);

/* A bytea in lower-case hex, or in base64. */
json_t *row_hex(const struct db_res *, size_t row, size_t col);
json_t *row_b64(const struct db_res *, size_t row, size_t col);

/*
 * Of a cursor that was declared: ${fetch} ("fetch 500 from x") again until
 * nothing is left, the JSON of its first column handed to ${each}, which owns
 * it.  0 or -1.
 */
int row_each(struct db *, const char *fetch, void (*each)(void *, json_t *),
    void *, struct err *);

/* The strings of a text[] as an array, empty for SQL null. */
json_t *row_strs(const struct db_res *, size_t row, size_t col);

#endif
