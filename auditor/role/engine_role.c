#include "auditor/role/engine_role.h"

#include <string.h>

static const struct {
	const char		*name;
	enum engine_role	 role;
} names[ENGINE_ROLES] = {
	{ "ingest", ROLE_INGEST },
	{ "audit", ROLE_AUDIT },
	{ "notify", ROLE_NOTIFY },
	{ "sign", ROLE_SIGN },
};

int
engine_role_read(const char *text, unsigned *out, struct err *e)
{
	size_t	i, n;

	*out = 0;
	for (;; text += n + 1) {
		n = strcspn(text, ",");
		for (i = 0; i < ENGINE_ROLES; i++)
			if (strlen(names[i].name) == n &&
			    memcmp(names[i].name, text, n) == 0)
				break;
		if (i == ENGINE_ROLES)
			return err_set(e, ERR_USAGE, "`%.*s` is no role: "
			    "ingest, audit, notify and sign are", n > 40 ?
			    40 : (int)n, text);
		*out |= names[i].role;
		if (text[n] == '\0')
			return 0;
	}
}

size_t
engine_role_names(unsigned roles, const char *out[ENGINE_ROLES])
{
	size_t	i, n = 0;

	for (i = 0; i < ENGINE_ROLES; i++)
		if (roles & names[i].role)
			out[n++] = names[i].name;
	return n;
}
