#include "auditor/conf_table.h"

#include <string.h>

#include "auditor/conf.h"
#include "auditor/conf_check.h"
#include "auditor/near.h"
#include "base/err.h"

#define DAY 86400

/* Where a field lies. */
#define AT(type, field) .off = offsetof(struct type, field)
#define ARRAY(type, field, count) .off = offsetof(struct type, field), \
	.count_off = offsetof(struct type, count)

static const char *const start_words[] = { "beginning", "now", NULL };
static const char *const action_words[] = {
	[CONF_PAGE] = "page", [CONF_DENY] = "deny", [CONF_HOLD] = "hold",
	[CONF_DIGEST] = "digest", NULL
};
static const char *const key_words[] = { "builtin", "none", NULL };
static const char *const url_words[] = { "default", NULL };
static const char *const apple_words[] = { "default", "none", NULL };
static const char *const kind_words[] = {
	"webhook", "slack", "pagerduty", "exec", NULL
};
static const char *const type_words[] = {
	"rsa2048", "rsa3072", "rsa4096", "rsa8192", "p256", "p384", "p521",
	"ed25519", "ed448", NULL
};
static const char *const severity_words[] = {
	"critical", "high", "medium", "low", "info", NULL
};
static const char *const group_words[] = {
	"kind", "issuer_owner", "owner", "watch", NULL
};
static const char *const none_words[] = { "none", NULL };
static const char *const finding_words[] = {
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
conf_table_kind(const char *kind, struct err *e)
{
	const size_t	 n = sizeof(finding_words) / sizeof(finding_words[0]);
	const char	*near;
	size_t		 i;

	for (i = 0; i < n - 1; i++)
		if (strcmp(kind, finding_words[i]) == 0)
			return 0;
	near = near_word(kind, finding_words, n - 1);
	return err_set(e, ERR_USAGE, "there is no kind of finding `%.60s`; "
	    "%s `%s`", kind, near != NULL ? "nearest is" :
	    "write one such as", near != NULL ? near : finding_words[0]);
}

static const struct conf_key log_list_keys[] = {
	{ .name = "url", .type = CONF_T_STR, AT(conf, log_list_url),
	  .words = url_words, .check = conf_check_url, .dflt = "default",
	  .help = "log list v3; default: Chrome's" },
	{ .name = "file", .type = CONF_T_PATH, AT(conf, log_list_file),
	  .help = "a log list v3 in a file, instead of url" },
	{ .name = "signature_key", .type = CONF_T_PATH,
	  AT(conf, log_list_key), .words = key_words, .dflt = "builtin",
	  .help = "builtin, none, or a PEM file" },
	{ .name = "apple", .type = CONF_T_STR, AT(conf, apple_list_url),
	  .words = apple_words, .check = conf_check_url,
	  .help = "Apple's list: default, none or a URL" },
	{ .name = NULL }
};
static const struct conf_map log_list_map = { .keys = log_list_keys };

static const struct conf_key fetch_keys[] = {
	{ .name = "max_rate", .type = CONF_T_RATE, AT(conf, fetch_max_rate),
	  .min = 1000, .max = INT64_C(100000000000), .dflt = "none",
	  .help = "cap of all downloads, such as 20MB/s" },
	{ .name = "ca_file", .type = CONF_T_PATH, AT(conf, fetch_ca_file),
	  .help = "PEM: roots trusted beside the system's" },
	{ .name = "cache", .type = CONF_T_SIZE, AT(conf, fetch_cache),
	  .min = 1000000, .max = INT64_C(1000000000000), .dflt = "256MB",
	  .help = "disk for what is downloaded and not proven yet" },
	{ .name = "source_addresses", .type = CONF_T_STRS,
	  AT(conf, source_addresses), .check = conf_check_source,
	  .help = "addresses of this machine that logs are asked from" },
	{ .name = NULL }
};
static const struct conf_map fetch_map = { .keys = fetch_keys };

static const struct conf_key egress_keys[] = {
	{ .name = "allow_private", .type = CONF_T_STRS,
	  AT(conf, egress_allow_private), .check = conf_check_net,
	  .help = "private networks that may be reached" },
	{ .name = NULL }
};
static const struct conf_map egress_map = { .keys = egress_keys };

static const struct conf_key watch_keys[] = {
	{ .name = "name", .type = CONF_T_STR, .flags = CONF_F_REQUIRED,
	  AT(conf_watch, name), .check = conf_check_watch,
	  .help = "example.com, .example.com, an address, spki:HEX" },
	{ .name = "owner", .type = CONF_T_STR, AT(conf_watch, owner),
	  .check = conf_check_name, .dflt = "", .help = "whose it is" },
	{ .name = "policy", .type = CONF_T_STR, AT(conf_watch, policy),
	  .check = conf_check_name, .dflt = "", .help = "one of policies" },
	{ .name = "exclude", .type = CONF_T_STRS, AT(conf_watch, exclude),
	  .check = conf_check_watch, .help = "names below that drop out" },
	{ .name = NULL }
};
static const struct conf_map watch_map = {
	.size = sizeof(struct conf_watch), .scalar = "name",
	.keys = watch_keys
};

static const struct conf_key issuer_keys[] = {
	{ .name = "owner", .type = CONF_T_STR, .flags = CONF_F_NAME,
	  AT(conf_issuer, owner), .check = conf_check_issuer,
	  .help = "CAA identifier of the CA, or \"*\"" },
	{ .name = "action", .type = CONF_T_WORD, .flags = CONF_F_REQUIRED,
	  AT(conf_issuer, action), .words = action_words,
	  .help = "deny, page, hold or digest" },
	{ .name = NULL }
};
static const struct conf_map issuer_map = {
	.size = sizeof(struct conf_issuer), .scalar = "action",
	.keys = issuer_keys
};

static const struct conf_key policy_keys[] = {
	{ .name = "name", .type = CONF_T_STR, .flags = CONF_F_NAME,
	  AT(conf_policy, name), .check = conf_check_name,
	  .help = "its name" },
	{ .name = "issuers", .type = CONF_T_DICT,
	  ARRAY(conf_policy, issuers, nissuers), .map = &issuer_map,
	  .help = "CA: deny, page, hold or digest" },
	{ .name = "hold", .type = CONF_T_SECONDS, AT(conf_policy, hold),
	  .min = 0, .max = 30 * DAY, .dflt = "30m",
	  .help = "how long a source may take to declare" },
	{ .name = "key_types", .type = CONF_T_STRS,
	  AT(conf_policy, key_types), .words = type_words,
	  .help = "keys that are usual; none: any" },
	{ .name = NULL }
};
static const struct conf_map policy_map = {
	.size = sizeof(struct conf_policy), .keys = policy_keys
};

static const struct conf_key source_keys[] = {
	{ .name = "name", .type = CONF_T_STR, .flags = CONF_F_REQUIRED,
	  AT(conf_source, name), .check = conf_check_name,
	  .help = "who orders" },
	{ .name = "names", .type = CONF_T_STRS, .flags = CONF_F_REQUIRED,
	  AT(conf_source, names), .check = conf_check_watch,
	  .help = "for which names" },
	{ .name = "issuers", .type = CONF_T_STRS, .flags = CONF_F_REQUIRED,
	  AT(conf_source, issuers), .check = conf_check_issuer,
	  .help = "from which CAs" },
	{ .name = "until", .type = CONF_T_DATE, AT(conf_source, until),
	  .help = "until when" },
	{ .name = NULL }
};
static const struct conf_map source_map = {
	.size = sizeof(struct conf_source), .keys = source_keys
};

static const struct conf_key channel_keys[] = {
	{ .name = "name", .type = CONF_T_STR, .flags = CONF_F_REQUIRED,
	  AT(conf_channel, name), .check = conf_check_name,
	  .help = "what routes call it" },
	{ .name = "kind", .type = CONF_T_STR, .flags = CONF_F_REQUIRED,
	  AT(conf_channel, kind), .words = kind_words,
	  .help = "webhook, slack, pagerduty or exec" },
	{ .name = "url", .type = CONF_T_STR, AT(conf_channel, url),
	  .check = conf_check_url,
	  .help = "webhook without secret URL; pagerduty" },
	{ .name = "url_file", .type = CONF_T_SECRET,
	  AT(conf_channel, url_file), .help = "webhook, slack: the URL" },
	{ .name = "secret_file", .type = CONF_T_SECRET,
	  AT(conf_channel, secret_file), .help = "webhook: whsec_..." },
	{ .name = "old_secret_file", .type = CONF_T_SECRET,
	  AT(conf_channel, old_secret_file),
	  .help = "webhook: the one before, while rotating" },
	{ .name = "routing_key_file", .type = CONF_T_SECRET,
	  AT(conf_channel, routing_key_file), .help = "pagerduty" },
	{ .name = "program", .type = CONF_T_PATH, AT(conf_channel, program),
	  .help = "exec: what is run, without a shell" },
	{ .name = NULL }
};
static const struct conf_map channel_map = {
	.size = sizeof(struct conf_channel), .keys = channel_keys
};

static const struct conf_key match_keys[] = {
	{ .name = "severity", .type = CONF_T_STRS,
	  AT(conf_route, severity), .words = severity_words,
	  .help = "one of these" },
	{ .name = "kind", .type = CONF_T_STRS, AT(conf_route, kind),
	  .words = finding_words, .help = "one of these" },
	{ .name = "owner", .type = CONF_T_STR, AT(conf_route, owner),
	  .check = conf_check_name, .help = "of the watch" },
	{ .name = "watch", .type = CONF_T_STR, AT(conf_route, watch),
	  .check = conf_check_watch, .help = "as written there" },
	{ .name = NULL }
};
static const struct conf_map match_map = { .keys = match_keys };

static const struct conf_key route_keys[] = {
	{ .name = "match", .type = CONF_T_MAP, .map = &match_map,
	  .help = "all of these; the last route has none" },
	{ .name = "to", .type = CONF_T_STRS, .flags = CONF_F_REQUIRED,
	  AT(conf_route, to), .check = conf_check_name,
	  .help = "channels" },
	{ .name = "group_by", .type = CONF_T_STRS, AT(conf_route, group_by),
	  .words = group_words, .help = "what makes one message of many" },
	{ .name = "group_wait", .type = CONF_T_SECONDS,
	  AT(conf_route, group_wait), .min = 0, .max = DAY, .dflt = "0s",
	  .help = "how long to wait for more" },
	{ .name = NULL }
};
static const struct conf_map route_map = {
	.size = sizeof(struct conf_route), .keys = route_keys
};

static const struct conf_key heartbeat_keys[] = {
	{ .name = "url", .type = CONF_T_STR, AT(conf, heartbeat_url),
	  .check = conf_check_url, .help = "asked while coverage is good" },
	{ .name = "url_file", .type = CONF_T_SECRET,
	  AT(conf, heartbeat_url_file), .help = "the same, kept secret" },
	{ .name = "every", .type = CONF_T_SECONDS, AT(conf, heartbeat_every),
	  .min = 1, .max = DAY, .dflt = "60s", .help = "how often" },
	{ .name = NULL }
};
static const struct conf_map heartbeat_map = { .keys = heartbeat_keys };

static const struct conf_key retention_keys[] = {
	{ .name = "certificates", .type = CONF_T_SECONDS,
	  AT(conf, retain_certificates), .min = 90 * DAY,
	  .max = 36500LL * DAY, .dflt = "400d",
	  .help = "kept so long after they expired" },
	{ .name = "deliveries", .type = CONF_T_SECONDS,
	  AT(conf, retain_deliveries), .min = 7 * DAY,
	  .max = 36500LL * DAY, .dflt = "90d",
	  .help = "messages are kept so long after they ended" },
	{ .name = NULL }
};
static const struct conf_map retention_map = { .keys = retention_keys };

static const struct conf_key digest_keys[] = {
	{ .name = "at", .type = CONF_T_STR, AT(conf, digest_at),
	  .check = conf_check_daytime, .help = "HH:MM, UTC" },
	{ .name = "to", .type = CONF_T_STRS, AT(conf, digest_to),
	  .check = conf_check_name, .help = "channels" },
	{ .name = NULL }
};
static const struct conf_map digest_map = { .keys = digest_keys };

static const struct conf_key ari_keys[] = {
	{ .name = "issuer", .type = CONF_T_STR, .flags = CONF_F_REQUIRED,
	  AT(conf_ari, issuer), .check = conf_check_ca,
	  .help = "the CA, or the SHA-256 of its key" },
	{ .name = "url", .type = CONF_T_STR, .flags = CONF_F_REQUIRED,
	  AT(conf_ari, url), .words = none_words, .check = conf_check_url,
	  .help = "its renewalInfo, or none" },
	{ .name = NULL }
};
static const struct conf_map ari_map = {
	.size = sizeof(struct conf_ari), .keys = ari_keys
};

static const struct conf_key audit_keys[] = {
	{ .name = "every", .type = CONF_T_SECONDS, AT(conf, audit_every),
	  .min = 1, .max = 7 * DAY, .dflt = "1h",
	  .help = "how often sources and endpoints are looked at" },
	{ .name = "unreachable_after", .type = CONF_T_SECONDS,
	  AT(conf, audit_unreachable), .min = 60, .max = 30 * DAY,
	  .dflt = "6h", .help = "a source away so long is not checked" },
	{ .name = "send", .type = CONF_T_STRS, AT(conf, audit_send),
	  .check = conf_check_name, .help = "channels that get the report" },
	{ .name = "roots", .type = CONF_T_PATH, AT(conf, audit_roots),
	  .help = "PEM: roots of a private CA, beside the system's" },
	{ .name = "certdata", .type = CONF_T_PATH, AT(conf, audit_certdata),
	  .help = "Mozilla's certdata.txt: roots with distrust dates" },
	{ .name = "ccadb_pems", .type = CONF_T_PATH,
	  AT(conf, audit_ccadb_pems),
	  .help = "CCADB's AllCertificatePEMs, with ccadb_csv" },
	{ .name = "weak_keys", .type = CONF_T_PATH, AT(conf, audit_weak_keys),
	  .help = "keys of Debian 2008, as openssl-blacklist has them" },
	{ .name = "resolvers", .type = CONF_T_STRS,
	  AT(conf, audit_resolvers),
	  .help = "asked for CAA; none: those of the system" },
	{ .name = "ari", .type = CONF_T_MAPS, ARRAY(conf, audit_ari, naudit_ari),
	  .map = &ari_map, .help = "who is asked what is to be renewed" },
	{ .name = NULL }
};
static const struct conf_map audit_map = { .keys = audit_keys };

static const struct conf_key respond_keys[] = {
	{ .name = "approvals", .type = CONF_T_COUNT,
	  AT(conf, respond_approvals), .min = 1, .max = 2, .dflt = "1",
	  .help = "persons who must agree to a revocation" },
	{ .name = NULL }
};
static const struct conf_map respond_map = { .keys = respond_keys };

static const struct conf_key worker_keys[] = {
	{ .name = "lease", .type = CONF_T_SECONDS, AT(conf, worker_lease),
	  .min = 1, .max = 600, .dflt = "30s",
	  .help = "unheard of for so long, its work is another's" },
	{ .name = NULL }
};
static const struct conf_map worker_map = { .keys = worker_keys };

static const struct conf_key canary_keys[] = {
	{ .name = "name", .type = CONF_T_STR, AT(conf, canary_name),
	  .check = conf_check_canary, .help = "a watched name" },
	{ .name = "within", .type = CONF_T_SECONDS, AT(conf, canary_within),
	  .min = 60, .max = 7 * DAY, .dflt = "30m",
	  .help = "its new certificate must be seen so soon" },
	{ .name = "every", .type = CONF_T_SECONDS, AT(conf, canary_every),
	  .words = none_words, .min = 3600, .max = 90 * DAY, .dflt = "none",
	  .help = "its managed certificate is renewed so often" },
	{ .name = NULL }
};
static const struct conf_map canary_map = { .keys = canary_keys };

static const struct conf_key vantage_keys[] = {
	{ .name = "name", .type = CONF_T_STR, .flags = CONF_F_REQUIRED,
	  AT(conf_vantage, name), .check = conf_check_name,
	  .help = "what it is called" },
	{ .name = "url", .type = CONF_T_STR, AT(conf_vantage, url),
	  .check = conf_check_url, .help = "where its heads are read" },
	{ .name = "file", .type = CONF_T_PATH, AT(conf_vantage, file),
	  .help = "or a file that something else brings" },
	{ .name = NULL }
};
static const struct conf_map vantage_map = {
	.size = sizeof(struct conf_vantage), .keys = vantage_keys
};

static const struct conf_key witness_keys[] = {
	{ .name = "name", .type = CONF_T_STR, .flags = CONF_F_REQUIRED,
	  AT(conf_witness, name), .check = conf_check_name,
	  .help = "what it is called" },
	{ .name = "key", .type = CONF_T_STR, .flags = CONF_F_REQUIRED,
	  AT(conf_witness, key), .check = conf_check_vkey,
	  .help = "NAME+HASH+KEY, as it publishes it" },
	{ .name = NULL }
};
static const struct conf_map witness_map = {
	.size = sizeof(struct conf_witness), .keys = witness_keys
};

static const struct conf_key root_keys[] = {
	{ .name = "database", .type = CONF_T_STR, AT(conf, database),
	  .check = conf_check_database, .dflt = "embedded",
	  .help = "embedded, or a libpq connection string" },
	{ .name = "state_dir", .type = CONF_T_PATH, AT(conf, state_dir),
	  .help = "where everything that must stay lies" },
	{ .name = "contact", .type = CONF_T_STR, AT(conf, contact),
	  .check = conf_check_contact,
	  .help = "an address or page of yours, told to log operators" },
	{ .name = "log_list", .type = CONF_T_MAP, .map = &log_list_map,
	  .help = "which logs there are" },
	{ .name = "poll", .type = CONF_T_SECONDS, AT(conf, poll),
	  .min = 1, .max = DAY, .dflt = "60s",
	  .help = "interval of a log's tree head" },
	{ .name = "start", .type = CONF_T_WORD, AT(conf, start_now),
	  .words = start_words, .dflt = "now",
	  .help = "where a log of the first list begins" },
	{ .name = "workers", .type = CONF_T_COUNT, AT(conf, workers),
	  .min = 1, .max = 64, .dflt = "auto",
	  .help = "processes that ingest" },
	{ .name = "worker", .type = CONF_T_MAP, .map = &worker_map,
	  .help = "of each of these" },
	{ .name = "fetch", .type = CONF_T_MAP, .map = &fetch_map,
	  .help = "downloads" },
	{ .name = "egress", .type = CONF_T_MAP, .map = &egress_map,
	  .help = "where connections may go" },
	{ .name = "watch", .type = CONF_T_MAPS, ARRAY(conf, watch, nwatch),
	  .map = &watch_map, .help = "the names you care about" },
	{ .name = "watch_file", .type = CONF_T_PATH, AT(conf, watch_file),
	  .help = "more of them, one a line" },
	{ .name = "policies", .type = CONF_T_DICT,
	  ARRAY(conf, policies, npolicies), .map = &policy_map,
	  .help = "what a certificate of which CA means" },
	{ .name = "sources", .type = CONF_T_MAPS,
	  ARRAY(conf, sources, nsources), .map = &source_map,
	  .help = "who else may order for you" },
	{ .name = "channels", .type = CONF_T_MAPS,
	  ARRAY(conf, channels, nchannels), .map = &channel_map,
	  .help = "where messages go" },
	{ .name = "routes", .type = CONF_T_MAPS,
	  ARRAY(conf, routes, nroutes), .map = &route_map,
	  .help = "which findings go there; first match wins" },
	{ .name = "heartbeat", .type = CONF_T_MAP, .map = &heartbeat_map,
	  .help = "a dead man's switch" },
	{ .name = "audit", .type = CONF_T_MAP, .map = &audit_map,
	  .help = "certvigil audit" },
	{ .name = "vantage", .type = CONF_T_MAPS,
	  ARRAY(conf, vantage, nvantage), .map = &vantage_map,
	  .help = "others that see logs, to find split views" },
	{ .name = "witnesses", .type = CONF_T_MAPS,
	  ARRAY(conf, witnesses, nwitnesses), .map = &witness_map,
	  .help = "whose cosignatures of checkpoints count" },
	{ .name = "retention", .type = CONF_T_MAP, .map = &retention_map,
	  .help = "what is kept how long" },
	{ .name = "digest", .type = CONF_T_MAP, .map = &digest_map,
	  .help = "one message a day" },
	{ .name = "ccadb_csv", .type = CONF_T_PATH, AT(conf, ccadb_csv),
	  .help = "CCADB's AllCertificateRecords: who owns which CA key" },
	{ .name = "acme", .type = CONF_T_MAP, .map = &conf_table_acme,
	  .help = "the CA that certificates are ordered from" },
	{ .name = "managed", .type = CONF_T_MAPS,
	  ARRAY(conf, managed, nmanaged), .map = &conf_table_managed,
	  .help = "certificates that run keeps alive" },
	{ .name = "respond", .type = CONF_T_MAP, .map = &respond_map,
	  .help = "revoking what somebody else obtained" },
	{ .name = "canary", .type = CONF_T_MAP, .map = &canary_map,
	  .help = "a certificate that is issued to be found" },
	{ .name = NULL }
};
const struct conf_map conf_table = {
	.size = sizeof(struct conf), .keys = root_keys
};

const struct conf_key *
conf_table_key(const struct conf_map *m, const char *name)
{
	const struct conf_key	*k;

	for (k = m->keys; k->name != NULL; k++)
		if ((k->flags & CONF_F_NAME) == 0 &&
		    strcmp(k->name, name) == 0)
			return k;
	return NULL;
}
