#include <sys/stat.h>
#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "tests/rig/lib/b64.h"
#include "tests/rig/lib/revdb.h"

/* CRLReason (RFC 5280, 5.3.1). */
static const char *const reasons[] = {
	"unspecified", "keyCompromise", "cACompromise", "affiliationChanged",
	"superseded", "cessationOfOperation", "certificateHold", NULL,
	"removeFromCRL", "privilegeWithdrawn", "aACompromise"
};

enum { NREASONS = sizeof(reasons) / sizeof(reasons[0]) };

int
revdb_reason(const char *text)
{
	char *end;
	long n = strtol(text, &end, 10);
	int i;

	if (end != text && *end == '\0' && n >= 0 && n < 256)
		return (int)n;
	for (i = 0; i < NREASONS; i++)
		if (reasons[i] != NULL && strcmp(reasons[i], text) == 0)
			return i;
	return -1;
}

const char *
revdb_reason_name(int reason)
{
	return reason >= 0 && reason < NREASONS && reasons[reason] != NULL ?
	    reasons[reason] : "-";
}

int
revdb_time(const char *text, time_t *out)
{
	struct tm tm;
	char *end;
	long n;

	if (text[0] == '-') {
		n = strtol(text, &end, 10);
		*out = time(NULL) + n;
		return *end == '\0' ? 0 : -1;
	}
	memset(&tm, 0, sizeof(tm));
	end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	if (end == NULL || strcmp(end, "Z") != 0)
		return -1;
	*out = timegm(&tm);
	return 0;
}

int
revdb_serial(const char *text, char out[static 44])
{
	char hex[128];
	size_t n = 0, skip = 0;

	if (strncasecmp(text, "0x", 2) == 0)
		text += 2;
	hex[n++] = '0';			/* so that the number can be even */
	for (; *text != '\0'; text++) {
		if (*text == ':')
			continue;
		if (!isxdigit((unsigned char)*text) || n == sizeof(hex) - 1)
			return -1;
		hex[n++] = (char)tolower((unsigned char)*text);
	}
	hex[n] = '\0';
	if (n == 1)
		return -1;
	if (n % 2 == 1)
		skip = 1;
	while (n - skip > 2 && memcmp(hex + skip, "00", 2) == 0)
		skip += 2;
	if (n - skip > 42)
		return -1;
	memcpy(out, hex + skip, n - skip + 1);
	return 0;
}

int
revdb_integer(struct span s, char out[static 44])
{
	struct buf b = BUF_INIT;
	int rc = -1;

	if (s.n > 0 && s.n <= 21) {
		b64_hex(&b, s.p, s.n);
		rc = revdb_serial(buf_text(&b), out);
	}
	buf_free(&b);
	return rc;
}

void
revdb_bytes(const char *serial, struct buf *out)
{
	if (strchr("89abcdef", serial[0]) != NULL)
		buf_u8(out, 0);
	(void)b64_unhex(out, serial);
}

void
revdb_open(struct revdb *db, const char *path)
{
	memset(db, 0, sizeof(*db));
	db->path = mem_str(path);
}

static void
forget(struct revdb *db)
{
	db->n = 0;
	db->done = 0;
	if (db->index != NULL)
		memset(db->index, 0, db->nindex * sizeof(*db->index));
}

void
revdb_free(struct revdb *db)
{
	free(db->path);
	free(db->rows);
	free(db->index);
	memset(db, 0, sizeof(*db));
}

/* The slot of a serial: where it is, or where it would go. */
static size_t
slot(const struct revdb *db, const char *serial)
{
	uint64_t h = 0xcbf29ce484222325u;
	const char *p;
	size_t i;

	for (p = serial; *p != '\0'; p++)
		h = (h ^ (unsigned char)*p) * 0x100000001b3u;
	for (i = (size_t)(h ^ h >> 32) & (db->nindex - 1);
	    db->index[i] != 0; i = (i + 1) & (db->nindex - 1))
		if (strcmp(db->rows[db->index[i] - 1].serial, serial) == 0)
			break;
	return i;
}

static void
put_row(struct revdb *db, const struct rev *r)
{
	size_t i, k;

	if (db->n * 2 >= db->nindex) {
		db->nindex = db->nindex == 0 ? 1024 : db->nindex * 4;
		free(db->index);
		db->index = mem_array(db->nindex, sizeof(*db->index));
		for (k = 0; k < db->n; k++)
			db->index[slot(db, db->rows[k].serial)] =
			    (uint32_t)k + 1;
	}
	i = slot(db, r->serial);
	if (db->index[i] == 0) {
		db->rows = mem_grow(db->rows, &db->cap, db->n + 1,
		    sizeof(*db->rows));
		db->index[i] = (uint32_t)++db->n;
	}
	db->rows[db->index[i] - 1] = *r;
	db->version++;
}

static void
read_line(struct revdb *db, const char *line)
{
	char serial[64], when[32] = "", reason[32] = "";
	struct rev r = { "", 1, -1, 0 };

	if (line[0] == '#' || sscanf(line, "%63s %31s %31s", serial, when,
	    reason) < 1 || revdb_serial(serial, r.serial) == -1)
		return;
	if (strcmp(when, "-") == 0)
		r.on = 0;
	else if (when[0] != '\0' && revdb_time(when, &r.at) == -1)
		return;
	r.reason = revdb_reason(reason);
	put_row(db, &r);
}

void
revdb_refresh(struct revdb *db)
{
	char *line = NULL;
	size_t cap = 0;
	struct stat st;
	ssize_t k;
	FILE *f;

	if (stat(db->path, &st) == -1)
		return;
	if (st.st_ino != db->inode || st.st_size < db->done) {
		forget(db);
		db->inode = st.st_ino;
		db->version++;
	}
	if (st.st_size == db->done)
		return;
	f = fopen(db->path, "re");
	if (f == NULL)
		return;
	if (fseeko(f, db->done, SEEK_SET) == 0)
		/* half a line is somebody's who is still writing */
		while ((k = getline(&line, &cap, f)) > 0 &&
		    line[k - 1] == '\n') {
			read_line(db, line);
			db->done += k;
		}
	free(line);
	fclose(f);
}

const struct rev *
revdb_find(const struct revdb *db, const char *serial)
{
	size_t i;

	if (db->n == 0)
		return NULL;
	i = slot(db, serial);
	return db->index[i] == 0 ? NULL : &db->rows[db->index[i] - 1];
}

/* One write, so that lines of two writers do not mix. */
static int
append(const char *path, const char *text, struct err *e)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	ssize_t n = (ssize_t)strlen(text);
	int rc = 0;

	if (fd == -1 || write(fd, text, (size_t)n) != n)
		rc = err_set(e, ERR_SYS, "%s: cannot write", path);
	if (fd != -1)
		close(fd);
	return rc;
}

int
revdb_append(const char *path, const struct rev *r, struct err *e)
{
	const char *name = revdb_reason_name(r->reason);
	char line[128], when[32], number[16];
	struct tm tm;

	gmtime_r(&r->at, &tm);
	(void)strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	(void)snprintf(number, sizeof(number), "%d", r->reason);
	if (r->reason >= 0 && name[0] == '-')
		name = number;
	(void)snprintf(line, sizeof(line), "%s %s %s\n", r->serial,
	    r->on ? when : "-", r->on ? name : "-");
	return append(path, line, e);
}

int
revdb_issued(const char *path, const char *text, struct err *e)
{
	return append(path, text, e);
}
