#include "auditor/role/audit_trust.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auditor/ipc.h"
#include "auditor/role/judge_audit.h"
#include "base/file.h"
#include "base/limit.h"
#include "base/log.h"
#include "base/mem.h"
#include "pki/roots.h"
#include "pki/weak.h"

/* Where Debian and its like have the roots of ca-certificates. */
#define SYSTEM	"/etc/ssl/certs/ca-certificates.crt"
/* A judge takes a list apart in so many ms. */
#define PATIENCE_MS	10000
#define PROGRAMS	8

void
audit_trust_free(struct audit_trust *t)
{
	buf_free(&t->logs);
	buf_free(&t->weak);
	memset(t, 0, sizeof(*t));
}

/* All of a file of at most ${cap} bytes: 0 or -1. */
static int
slurp(const char *path, size_t cap, struct buf *out, struct err *e)
{
	ssize_t	n = -1;
	int	fd = file_open(path);

	if (fd == -1)
		return err_set(e, ERR_CONF, "%s cannot be read", path);
	while (out->n <= cap &&
	    (n = read(fd, buf_room(out, 65536), 65536)) > 0)
		out->n += (size_t)n;
	(void)close(fd);
	if (n == 0)
		return 0;
	return err_set(e, ERR_CONF, out->n > cap ? "%s is longer than it may "
	    "be" : "%s cannot be read", path);
}

/* How a text becomes a program. */
enum text { TEXT_PEM, TEXT_CERTDATA };

static int
add_file(struct roots *r, const char *path, enum text form, struct err *e)
{
	struct buf	b = BUF_INIT;
	long		n = -1;

	if (slurp(path, LIMIT_ROOTS, &b, e) == 0)
		n = form == TEXT_PEM ? roots_pem(r, buf_bytes(&b), NULL, e) :
		    roots_certdata(r, buf_bytes(&b), e);
	buf_free(&b);
	return n == -1 ? err_prefix(e, "%s", path) : 0;
}

static struct roots *
begin(struct roots **v, size_t *n, const char *name)
{
	v[*n] = roots_new(name);
	return v[(*n)++];
}

/* The programs that CCADB knows, of its two files. */
static int
ccadb(const struct conf *c, struct roots **v, size_t *n, struct err *e)
{
	static const char *const	of[][2] = { { "mozilla", "Mozilla" },
	    { "chrome", "Google Chrome" }, { "apple", "Apple" },
	    { "microsoft", "Microsoft" } };
	struct buf			records = BUF_INIT, pems = BUF_INIT;
	size_t				i;
	int				rc = -1;

	if (slurp(c->ccadb_csv, LIMIT_CCADB, &records, e) == -1 ||
	    slurp(c->audit_ccadb_pems, LIMIT_ROOTS, &pems, e) == -1)
		goto out;
	/* certdata.txt is Mozilla's own word */
	for (i = c->audit_certdata != NULL ? 1 : 0;
	    i < sizeof(of) / sizeof(of[0]); i++)
		if (roots_ccadb(begin(v, n, of[i][0]), of[i][1],
		    buf_bytes(&records), buf_bytes(&pems), e) == -1)
			goto out;
	rc = 0;
out:
	buf_free(&records);
	buf_free(&pems);
	return rc;
}

int
audit_trust_programs(const struct conf *c, struct roots ***out, size_t *n,
    struct err *e)
{
	struct roots	**v = mem_array(PROGRAMS, sizeof(*v));
	size_t		 i;

	*out = v;
	*n = 0;
	if (access(SYSTEM, R_OK) != 0)
		log_warn("audit", "%s is missing (package ca-certificates): "
		    "no chain is trusted by program \"system\"", SYSTEM);
	else if (add_file(begin(v, n, "system"), SYSTEM, TEXT_PEM, e) == -1)
		return -1;
	if (c->audit_certdata != NULL && add_file(begin(v, n, "mozilla"),
	    c->audit_certdata, TEXT_CERTDATA, e) == -1)
		return -1;
	if (c->ccadb_csv != NULL && c->audit_ccadb_pems != NULL &&
	    ccadb(c, v, n, e) == -1)
		return -1;
	if (c->audit_roots != NULL && add_file(begin(v, n, "given"),
	    c->audit_roots, TEXT_PEM, e) == -1)
		return -1;
	for (i = 0; i < *n; i++)
		roots_done(v[i]);
	return 0;
}

/* The text of weak keys, which a list can be made of. */
static int
weak_keys(const char *path, struct buf *text, struct err *e)
{
	struct weak_list	*l;

	if (path == NULL)
		return 0;
	if (slurp(path, LIMIT_WEAK_LIST, text, e) == -1)
		return -1;
	if ((l = weak_list_read(buf_bytes(text), e)) == NULL)
		return err_prefix(e, "%s", path);
	weak_list_free(l);
	return 0;
}

int
audit_trust_files(struct audit_trust *t, const struct conf *c,
    struct buf *roots, struct err *e)
{
	struct roots	**v = NULL;
	struct buf	  weak = BUF_INIT;
	size_t		  n = 0;
	int		  rc;

	rc = weak_keys(c->audit_weak_keys, &weak, e);
	if (rc == 0)
		rc = audit_trust_programs(c, &v, &n, e);
	if (rc == -1)
		buf_free(&weak);
	else {
		/* all or nothing: those of before stay */
		judge_roots_pack(roots, (const struct roots *const *)v, n);
		buf_free(&t->weak);
		t->weak = weak;
	}
	judge_roots_free(v, n);
	return rc;
}

/* Wait for the one answer. */
static int
hear(struct judge_link *j, uint64_t id, struct buf *out, struct err *e)
{
	struct judge_reply	r;
	struct ipc_msg		m;

	if (ipc_recv(j->ipc, &m, PATIENCE_MS, e) != 1 ||
	    m.type != JUDGE_REPLY || judge_reply_read(&m.body, &r) == -1 ||
	    r.id != id)
		return err_set(e, ERR_SYS, "the process that reads the list "
		    "died");
	if (!r.ok)
		return err_set(e, r.code, "%s", r.msg);
	buf_reset(out);
	buf_span(out, cur_rest(&m.body));
	return 0;
}

int
audit_trust_lists(struct audit_trust *t, struct span chrome,
    struct span apple, struct judge_pool *pool, int arena, uint64_t narena,
    struct err *e)
{
	struct judge_log	 none = { LOGLIST_RFC6962, { NULL, 0 }, "" };
	struct judge_link	*j;
	struct buf		 b = BUF_INIT;
	int			 rc;

	j = judge_fork(pool, arena, narena, &none, e);
	if (j == NULL)
		return -1;
	judge_logs_pack(&b, chrome, apple);
	judge_ask(j, JUDGE_LOGS, 1, &b, NULL, 0);
	rc = hear(j, 1, &t->logs, e);
	buf_free(&b);
	judge_free(j, 1);
	return rc;
}

int
audit_trust_logs(struct audit_trust *t, struct db *db,
    struct judge_pool *pool, int arena, uint64_t narena, struct err *e)
{
	struct span	 text[2] = { { NULL, 0 }, { NULL, 0 } };
	struct db_res	*r = NULL;
	char		 mark[sizeof(t->mark)] = "";
	size_t		 i, n = 0;
	int		 rc = 0;

	if (db_query(db, &r, e, "select distinct on (source = 'apple') "
	    "source = 'apple', encode(sha256, 'hex') from log_list "
	    "order by source = 'apple', id desc", "") == -1)
		return -1;
	for (i = 0; i < db_rows(r); i++)
		n += (size_t)snprintf(mark + n, sizeof(mark) - n, "%.64s ",
		    db_text(r, i, 1));
	db_free(r);
	if (strcmp(mark, t->mark) == 0)
		return 0;
	if (db_query(db, &r, e, "select distinct on (source = 'apple') "
	    "source = 'apple', body from log_list "
	    "order by source = 'apple', id desc", "") == -1)
		return -1;
	for (i = 0; i < db_rows(r); i++)
		text[db_bool(r, i, 0)] = db_bytes(r, i, 1);
	rc = audit_trust_lists(t, text[0], text[1], pool, arena, narena, e);
	db_free(r);
	if (rc == 0)
		memcpy(t->mark, mark, sizeof(mark));
	return rc;
}
