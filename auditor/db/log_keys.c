#include "auditor/db/log_keys.h"

#include <string.h>

#include "base/mem.h"

int
log_keys(struct db *db, struct loglist **out, struct err *e)
{
	struct db_res		*r = NULL;
	struct loglist		*l;
	struct loglist_log	*k;
	struct span		 id, key;
	size_t			 i, n;

	*out = NULL;
	if (db_query(db, &r, e, "select log_id, key, description, protocol = "
	    "'static' from log", "") == -1)
		return -1;
	l = mem_zero(sizeof(*l));
	l->version = mem_str("");
	n = db_rows(r);
	l->logs = mem_array(n, sizeof(*l->logs));
	for (i = 0; i < n; i++) {
		id = db_bytes(r, i, 0);
		key = db_bytes(r, i, 1);
		if (id.n != 32 || key.n == 0)
			continue;
		k = &l->logs[l->nlogs++];
		memset(k, 0, sizeof(*k));
		memcpy(k->log_id, id.p, 32);
		k->key = mem_zero(key.n);
		memcpy(k->key, key.p, key.n);
		k->nkey = key.n;
		k->description = mem_str(db_text(r, i, 2));
		k->protocol = db_bool(r, i, 3) ? LOGLIST_STATIC :
		    LOGLIST_RFC6962;
	}
	db_free(r);
	*out = l;
	return 0;
}
