#include "auditor/db/row.h"

#include <stdlib.h>

#include "auditor/evidence_json.h"
#include "base/clk.h"

json_t *
row_str(const struct db_res *r, size_t row, size_t col)
{
	return db_null(r, row, col) ? json_null() :
	    json_string(db_text(r, row, col));
}

json_t *
row_int(const struct db_res *r, size_t row, size_t col)
{
	return db_null(r, row, col) ? json_null() :
	    json_integer(db_int(r, row, col));
}

json_t *
row_real(const struct db_res *r, size_t row, size_t col)
{
	return db_null(r, row, col) ? json_null() :
	    json_real(db_real(r, row, col));
}

json_t *
row_bool(const struct db_res *r, size_t row, size_t col)
{
	return db_null(r, row, col) ? json_null() :
	    json_boolean(db_bool(r, row, col));
}

json_t *
row_time(const struct db_res *r, size_t row, size_t col)
{
	char	out[CLK_TEXT];

	return db_null(r, row, col) ? json_null() :
	    json_string(clk_text(db_time(r, row, col), out));
}

json_t *
row_json(const struct db_res *r, size_t row, size_t col)
{
	json_t	*v = NULL;

	if (!db_null(r, row, col))
		v = json_loads(db_text(r, row, col), JSON_DECODE_ANY, NULL);
	return v != NULL ? v : json_null();
}

json_t *
row_hex(const struct db_res *r, size_t row, size_t col)
{
	struct span	s = db_bytes(r, row, col);

	return s.p == NULL ? json_null() : evidence_hex(s.p, s.n);
}

json_t *
row_b64(const struct db_res *r, size_t row, size_t col)
{
	struct span	s = db_bytes(r, row, col);

	return s.p == NULL ? json_null() : evidence_b64(s.p, s.n);
}

json_t *
row_strs(const struct db_res *r, size_t row, size_t col)
{
	json_t	 *a = json_array();
	size_t	  i, n = 0;
	char	**v = db_strv(r, row, col, &n);

	for (i = 0; i < n; i++)
		json_array_append_new(a, json_string(v[i]));
	free(v);
	return a;
}

int
row_each(struct db *db, const char *fetch, void (*each)(void *, json_t *),
    void *arg, struct err *e)
{
	struct db_res	*r = NULL;
	size_t		 i, n;

	do {
		if (db_query(db, &r, e, fetch, "") == -1)
			return -1;
		n = db_rows(r);
		for (i = 0; i < n; i++)
			each(arg, row_json(r, i, 0));
		db_free(r);
		r = NULL;
	} while (n > 0);
	return 0;
}
