#include "auditor/report_rule.h"

#include <stddef.h>
#include <string.h>

static const struct {
	const char	*kind;
	const char	*means;
} rules[] = {
	{ "certificate.unexpected", "A certificate that nobody declared." },
	{ "certificate.malformed", "A watched name in something that cannot "
	  "be parsed, or that its issuer did not sign." },
	{ "key.misused", "A compromised key, or a known key outside of its "
	  "bounds." },
	{ "certificate.twins", "Two different certificates with one issuer "
	  "key and serial number." },
	{ "certificate.not_logged", "A certificate that was ordered did not "
	  "appear in its log in time." },
	{ "certificate.not_received", "A certificate for a key of ours was "
	  "issued, but its order was lost." },
	{ "certificate.revoked", "A certificate was revoked without an "
	  "order." },
	{ "revocation.campaign", "Many certificates of one CA are being "
	  "revoked." },
	{ "revocation.not_published", "A revocation that was ordered did not "
	  "appear in time." },
	{ "revocation.disagreement", "Sources of revocation contradict each "
	  "other." },
	{ "revocation.source_faulty", "A source of revocation is stale, "
	  "wrong or cannot be reached." },
	{ "renewal.requested", "The CA asks for early renewal." },
	{ "sct.invalid", "An SCT does not verify." },
	{ "sct.not_included", "A log did not include what it promised." },
	{ "ct_policy.violated", "A certificate does not fulfil the CT policy "
	  "of a browser." },
	{ "chain.untrusted", "No path to a trusted root." },
	{ "key.weak", "A key that can be computed or guessed." },
	{ "endpoint.unlogged_certificate", "An endpoint serves a certificate "
	  "that no log has shown." },
	{ "endpoint.expiring", "An endpoint serves a certificate that expires "
	  "soon." },
	{ "endpoint.mismatch", "An endpoint serves a certificate for another "
	  "name." },
	{ "endpoint.incomplete_chain", "An endpoint does not serve the whole "
	  "chain." },
	{ "endpoint.old_certificate", "An endpoint serves a certificate that "
	  "was replaced or revoked." },
	{ "caa.violated", "A certificate was issued against the CAA records." },
	{ "caa.changed", "The CAA records have changed." },
	{ "grant.unexpected", "A standing validation grant that nobody "
	  "declared." },
	{ "source.out_of_scope", "A source declared what it may not." },
	{ "log.misbehaved", "A log has contradicted itself." },
	{ "log.stale", "The head of a log is too old." },
	{ "log.unreachable", "A log cannot be reached." },
	{ "log_list.stale", "The list of logs is too old." },
	{ "coverage.blind", "A part of the logs that browsers accept was not "
	  "read." },
	{ "canary.missed", "A certificate that was issued to be found was "
	  "not." },
	{ "deploy.failed", "A certificate could not be deployed." },
	{ "renewal.failed", "A certificate could not be renewed." },
	{ "channel.failed", "Messages cannot be delivered." },
	{ "database.low_space", "The database runs out of space." },
};

const char *
report_rule(const char *kind)
{
	size_t	i;

	for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (strcmp(rules[i].kind, kind) == 0)
			return rules[i].means;
	return "A finding.";
}
