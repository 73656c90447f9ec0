#include "auditor/role/audit_ccadb.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auditor/db/ccadb_store.h"
#include "auditor/db/rev_store.h"
#include "auditor/rev_find.h"
#include "base/clk.h"
#include "base/file.h"
#include "base/limit.h"
#include "base/log.h"

/* Open the list; which one it is.  A descriptor, or -1. */
static int
open_list(const char *path, int64_t mark[5])
{
	struct stat	st;
	int		fd = file_open(path);

	memset(mark, 0, 5 * sizeof(*mark));
	if (fd == -1 || fstat(fd, &st) == -1) {
		if (fd != -1)
			(void)close(fd);
		return -1;
	}
	mark[0] = (int64_t)st.st_dev;
	mark[1] = (int64_t)st.st_ino;
	mark[2] = (int64_t)st.st_size;
	mark[3] = (int64_t)st.st_mtim.tv_sec * CLK_SEC +
	    st.st_mtim.tv_nsec / 1000;
	mark[4] = (int64_t)st.st_ctim.tv_sec * CLK_SEC +
	    st.st_ctim.tv_nsec / 1000;
	return fd;
}

static int
read_list(int fd, struct ccadb_list *l, struct err *e)
{
	struct buf	csv = BUF_INIT;
	ssize_t		n = -1;
	long		listed = -1;

	while (csv.n <= LIMIT_CCADB &&
	    (n = read(fd, buf_room(&csv, 65536), 65536)) > 0)
		csv.n += (size_t)n;
	if (n == -1)
		(void)err_set(e, ERR_SYS, "it cannot be read");
	else
		listed = ccadb_crls(buf_bytes(&csv), l->v, l->n, e);
	buf_free(&csv);
	return listed == -1 ? -1 : 0;
}

/* A key lost a source: its certificates stand as the others say. */
static int
merge(const struct engine *en, struct span key, struct err *e)
{
	struct rev_changes	 changes = { NULL, 0, 0 };
	struct db		*db = en->db;
	int64_t			 source;
	int			 rc;

	if (key.n != 32)
		return 0;
	rc = ccadb_store_left(db, key.p, &source, e);
	if (rc == 0 && source != 0)
		rc = rev_merge_store(db, key.p, source, &changes, e);
	if (rc == 0)
		rc = rev_find(db, en->conf, key.p, &changes, e);
	rev_changes_free(&changes);
	return rc;
}

static int
store(const struct engine *en, const struct ccadb_list *l, struct err *e)
{
	struct db	*db = en->db;
	struct db_res	*gone = NULL;
	size_t		 i;
	int		 rc = -1;

	if (db_begin(db, e) == -1)
		return -1;
	if (ccadb_store(db, l, &gone, e) == -1)
		goto out;
	for (i = 0; i < db_rows(gone); i++)
		if (merge(en, db_bytes(gone, i, 0), e) == -1)
			goto out;
	rc = db_commit(db, e);
out:
	db_free(gone);
	if (rc == -1)
		db_rollback(db);
	return rc;
}

/* The list that the configuration names. */
static int
plan_list(struct audit_ccadb *a, const struct engine *en,
    struct ccadb_list *l, struct err *e)
{
	const char	*path = en->conf->ccadb_csv;
	struct err	 why = ERR_INIT;
	int64_t		 mark[5];
	uint8_t		 wanted[32];
	int		 fd, rc = 0;

	if (ccadb_store_wanted(en->db, l, e) == -1)
		return -1;
	ccadb_list_mark(l, wanted);
	fd = open_list(path, mark);
	if (a->known && !a->none && memcmp(mark, a->mark, sizeof(mark)) == 0
	    && memcmp(wanted, a->wanted, 32) == 0)
		goto out;
	if (fd == -1)
		log_warn("ccadb", "%s cannot be read; its CRLs stay as they "
		    "were", path);
	else if (l->n != 0 && read_list(fd, l, &why) == -1)
		log_warn("ccadb", "%s: %s; its CRLs stay as they were", path,
		    why.msg);
	else
		rc = store(en, l, e);
	if (rc == 0) {
		a->known = 1;
		a->none = 0;
		memcpy(a->mark, mark, sizeof(mark));
		memcpy(a->wanted, wanted, 32);
	}
out:
	if (fd != -1)
		(void)close(fd);
	return rc;
}

int
audit_ccadb_plan(struct audit_ccadb *a, struct engine *en, struct err *e)
{
	struct ccadb_list	l;
	int			rc;

	memset(&l, 0, sizeof(l));
	if (en->conf->ccadb_csv != NULL)
		rc = plan_list(a, en, &l, e);
	else if (a->none)
		return 0;
	else {
		rc = store(en, &l, e);
		a->none = rc == 0;
	}
	ccadb_list_free(&l);
	return rc;
}
