#include <string.h>

#include "auditor/role/acme_talk.h"

static const struct { const char *name, *url; } known[] = {
	{ "letsencrypt", "https://acme-v02.api.letsencrypt.org/directory" },
	{ "letsencrypt-staging",
	  "https://acme-staging-v02.api.letsencrypt.org/directory" },
};

const char *
acme_talk_directory(const struct conf *c)
{
	size_t	i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(c->acme_directory, known[i].name) == 0)
			return known[i].url;
	return c->acme_directory;
}
