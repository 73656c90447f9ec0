#include "auditor/space_find.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "auditor/db/finding.h"
#include "base/limit.h"
#include "base/mem.h"

#define KIND	"database.low_space"

static int
low(struct db *db, const struct conf *c, uint64_t left, struct err *e)
{
	char		*why, *detail;
	struct finding	 f = { .kind = KIND, .subject = c->state_dir,
	    .owner = "", .watch = "", .name = "", .severity =
	    left < LIMIT_SPACE_LOW / 4 ? "critical" : "high", .proven = 1,
	    .issuer_first_seen = INT64_MIN };
	int		 rc;

	why = mem_printf("%s has %llu MB left; when it is full, no log is "
	    "read and nothing is sent: make room there, see what `certvigil "
	    "db retention` can drop, or take the database to a server by "
	    "`certvigil db move`", c->state_dir,
	    (unsigned long long)(left >> 20));
	detail = mem_printf("{\"bytes_left\": %llu}", (unsigned long long)left);
	f.reason = why;
	f.detail = detail;
	rc = finding_open(db, &f, NULL, NULL, e);
	free(why);
	free(detail);
	return rc;
}

int
space_find(struct db *db, const struct conf *c, struct err *e)
{
	struct statvfs	v;
	uint64_t	left;

	if (strcmp(c->database, "embedded") != 0 ||
	    statvfs(c->state_dir, &v) == -1)
		return 0;
	left = (uint64_t)v.f_bavail * v.f_frsize;
	if (left < LIMIT_SPACE_LOW)
		return low(db, c, left, e);
	if (left < LIMIT_SPACE_FINE)
		return 0;
	return finding_resolve(db, KIND, c->state_dir, "", "there is room "
	    "again", e);
}
