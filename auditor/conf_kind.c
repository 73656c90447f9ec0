#include "auditor/conf_kind.h"

#include <string.h>

#include "auditor/near.h"

const char *const conf_kind_words[] = {
	"certificate.unexpected", "certificate.malformed", "key.misused",
	"certificate.twins", "certificate.not_logged",
	"certificate.not_received", "certificate.revoked",
	"revocation.campaign", "revocation.not_published",
	"revocation.disagreement", "revocation.source_faulty",
	"renewal.requested", "sct.invalid", "sct.not_included",
	"ct_policy.violated", "chain.untrusted", "key.weak",
	"endpoint.unlogged_certificate", "endpoint.expiring",
	"endpoint.mismatch", "endpoint.incomplete_chain",
	"endpoint.old_certificate", "caa.violated", "caa.changed",
	"grant.unexpected", "source.out_of_scope", "log.misbehaved",
	"log.stale", "log.unreachable", "log_list.stale", "coverage.blind",
	"canary.missed", "deploy.failed", "renewal.failed", "channel.failed",
	"database.low_space", NULL
};

int
conf_kind_check(const char *kind, struct err *e)
{
	const size_t	 n = sizeof(conf_kind_words) /
	    sizeof(conf_kind_words[0]);
	const char	*near;
	size_t		 i;

	for (i = 0; i < n - 1; i++)
		if (strcmp(kind, conf_kind_words[i]) == 0)
			return 0;
	near = near_word(kind, conf_kind_words, n - 1);
	return err_set(e, ERR_USAGE, "there is no kind of finding `%.60s`; "
	    "%s `%s`", kind, near != NULL ? "nearest is" :
	    "write one such as", near != NULL ? near : conf_kind_words[0]);
}
