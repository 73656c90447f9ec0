#include "auditor/renew.h"

#include <string.h>

/* Components of a path that are looked at, from its end. */
#define PARTS	4

struct part {
	const char	*p;
	size_t		 n;
};

/* The last components: v[0] is the file.  How many. */
static size_t
cut(const char *place, struct part v[PARTS])
{
	const char	*end = place + strlen(place), *p;
	size_t		 n = 0;

	while (n < PARTS && end > place) {
		for (p = end; p > place && p[-1] != '/'; p--)
			continue;
		v[n].p = p;
		v[n++].n = (size_t)(end - p);
		end = p > place ? p - 1 : place;
	}
	return n;
}

static int
is(const struct part *v, const char *word)
{
	return v->n == strlen(word) && memcmp(v->p, word, v->n) == 0;
}

static int
ends(const struct part *v, const char *word)
{
	size_t	n = strlen(word);

	return v->n > n && memcmp(v->p + v->n - n, word, n) == 0;
}

/* Nothing that a shell takes for more than a letter, no option. */
static int
harmless(const struct part *v)
{
	static const char	ok[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	size_t			i;

	for (i = 0; i < v->n; i++)
		if (v->p[i] == '\0' || strchr(ok, v->p[i]) == NULL)
			return 0;
	return v->n > 0 && v->p[0] != '-' && v->p[0] != '.';
}

/* A wildcard stands in quotes; in a file's name lego writes it as "_.". */
static void
add(struct buf *out, const char *before, struct part name, const char *behind)
{
	int	wild = name.n > 2 && name.p[1] == '.' &&
		    (name.p[0] == '*' || name.p[0] == '_');

	if (wild) {
		name.p += 2;
		name.n -= 2;
	}
	if (harmless(&name))
		buf_fmt(out, "%s%s%.*s%s%s", before, wild ? "'*." : "",
		    (int)name.n, name.p, wild ? "'" : "", behind);
}

void
renew_command(const char *place, struct buf *out)
{
	struct part	v[PARTS];
	size_t		n = cut(place, v);

	if (n >= 3 && is(&v[2], "live")) {
		add(out, "certbot renew --force-renewal --cert-name ", v[1],
		    "");
	} else if (n >= 3 && is(&v[2], ".acme.sh")) {
		if (ends(&v[1], "_ecc")) {
			v[1].n -= 4;
			add(out, "acme.sh --renew --force --ecc -d ", v[1],
			    "");
		} else
			add(out, "acme.sh --renew --force -d ", v[1], "");
	} else if (n >= 4 && is(&v[2], "certs") && is(&v[3], "dehydrated")) {
		add(out, "dehydrated --cron --force --domain ", v[1], "");
	} else if (n >= 2 && is(&v[1], "certificates") &&
	    ends(&v[0], ".crt") && !ends(&v[0], ".issuer.crt")) {
		v[0].n -= 4;
		add(out, "lego --domains ", v[0], " renew --days 10000");
	}
}
