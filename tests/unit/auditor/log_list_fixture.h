#ifndef TESTS_UNIT_AUDITOR_LOG_LIST_FIXTURE_H
#define TESTS_UNIT_AUDITOR_LOG_LIST_FIXTURE_H

/* Lists of logs that are called by a letter; after cmocka.h. */

#include "auditor/db/log_list.h"
#include "base/buf.h"
#include "base/clk.h"
#include "base/enc.h"
#include "base/sha.h"
#include "tests/unit/auditor/sql.h"

static inline int
clear(void **state)
{
	(void)state;
	sql("truncate log_list, log, operator, tree_head, log_range, "
	    "log_health, coverage_day, consistency, work restart identity "
	    "cascade");
	sql("insert into work (kind, subject) values ('loglist', 'main'), "
	    "('loglist', 'apple')");
	return 0;
}

/* Not 0: of logs that are read-only from now on. */
static uint64_t	final_size;

/* Log ${name}: its name is its key as well. */
static inline struct loglist_log
log_named(const char *name)
{
	static char		texts[16][80];
	static int		n;
	struct loglist_log	l;

	memset(&l, 0, sizeof(l));
	l.operator = (char *)(uintptr_t)"Op";
	l.description = (char *)(uintptr_t)name;
	l.key = (uint8_t *)(uintptr_t)name;
	l.nkey = strlen(name);
	sha_256(l.log_id, name, strlen(name));
	l.mmd = 86400;
	(void)snprintf(texts[n % 16], 80, "https://%s.example/", name);
	l.url = l.submit_url = texts[n++ % 16];
	l.state = LOGLIST_USABLE;
	if (final_size != 0) {
		l.state = LOGLIST_READONLY;
		l.has_final = 1;
		l.final_size = final_size;
	}
	return l;
}

/* A list of the logs named (a letter each) at time ${at}; its outcome. */
static inline int
store(const char *source, const char *names, int64_t at, int *changed,
    struct err *e)
{
	static const char *const name[] = { "a", "b", "c", "d" };
	struct loglist_log	 l[8];
	struct loglist		 list;
	struct log_list_in	 in = { .source = source, .verified = 1,
	    .list = &list };
	struct buf		 body = BUF_INIT;
	size_t			 i;
	int			 rc;

	memset(&list, 0, sizeof(list));
	buf_fmt(&body, "{\"at\": %lld, \"operators\": [{\"name\": \"Op\", "
	    "\"logs\": [", (long long)at);
	for (i = 0; names[i] != '\0'; i++) {
		l[i] = log_named(name[names[i] - 'a']);
		buf_fmt(&body, "%s{\"log_id\": \"", i == 0 ? "" : ", ");
		enc_b64(&body, l[i].log_id, 32);
		buf_str(&body, "\"}");
	}
	buf_str(&body, "]}]}");
	list.version = (char *)(uintptr_t)"1";
	list.timestamp = at;
	list.nlogs = i;
	list.logs = l;
	in.body = buf_bytes(&body);
	err_clear(e);
	rc = log_list_store(db, &in, clk_wall(), changed, e);
	buf_free(&body);
	return rc;
}

#endif
