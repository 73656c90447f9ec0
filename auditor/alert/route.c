#include "auditor/alert/route.h"

#include <string.h>

#include "base/err.h"
#include "pki/name.h"
#include "pki/watch.h"

static const char *const severities[] = {
	"critical", "high", "medium", "low", "info"
};

int
route_severity(const char *s)
{
	size_t i;

	for (i = 0; i < sizeof(severities) / sizeof(severities[0]); i++)
		if (strcmp(s, severities[i]) == 0)
			return (int)i;
	return -1;
}

/* An empty list takes anything. */
static int
has(const struct conf_strs *list, const char *s)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		if (strcmp(list->v[i], s) == 0)
			return 1;
	return list->n == 0;
}

/* A watch as somebody wrote it, and as findings have it. */
static int
same_watch(const char *written, const char *canonical)
{
	char text[WATCH_TEXT];

	return strcmp(written, canonical) == 0 ||
	    (watch_canon(written, text, NULL) == 0 &&
	    strcmp(text, canonical) == 0);
}

int
route_match(const struct conf_route *r, const struct route_facts *f)
{
	if (!has(&r->severity, f->severity) || !has(&r->kind, f->kind))
		return 0;
	if (r->owner != NULL && strcmp(r->owner, f->owner) != 0)
		return 0;
	return r->watch == NULL || same_watch(r->watch, f->watch);
}

const struct conf_route *
route_pick(const struct conf_route *r, size_t n, const struct route_facts *f)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (route_match(&r[i], f))
			return &r[i];
	return NULL;
}

static const char *
group_value(const char *field, const struct route_facts *f)
{
	if (strcmp(field, "kind") == 0)
		return f->kind;
	if (strcmp(field, "issuer_owner") == 0)
		return f->issuer_owner;
	if (strcmp(field, "owner") == 0)
		return f->owner;
	if (strcmp(field, "watch") == 0)
		return f->watch;
	return "";
}

void
route_group(const struct conf_route *r, const struct route_facts *f,
    const char *event, struct buf *out)
{
	size_t i;

	if (r->group_wait <= 0)
		return;
	buf_str(out, event);
	for (i = 0; i < r->group_by.n; i++)
		buf_fmt(out, " %s=%s", r->group_by.v[i],
		    group_value(r->group_by.v[i], f));
}

/* Does the pattern match a name that stands in a certificate? */
static int
covers_name(const char *pattern, const char *name)
{
	struct watch_build *b;
	struct watch_set set;
	struct watch_hit hit;
	struct buf image = BUF_INIT;
	int yes;

	b = watch_build_new();
	if (watch_build_add(b, pattern, NULL, 0, NULL) == -1) {
		watch_build_free(b);
		return 0;
	}
	watch_build_done(b, &image);
	yes = watch_open(&set, image.p, image.n, NULL) == 0 &&
	    watch_name(&set, name, &hit, 1) > 0;
	buf_free(&image);
	return yes;
}

int
route_covers(const char *pattern, const struct route_facts *f)
{
	char canon[WATCH_TEXT];

	if (watch_canon(pattern, canon, NULL) == -1)
		return 0;
	if (f->watch[0] != '\0' && strcmp(canon, f->watch) == 0)
		return 1;
	return f->name[0] != '\0' && covers_name(canon, f->name);
}
