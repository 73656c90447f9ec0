#include "auditor/conf_table.h"

#include "auditor/conf.h"
#include "auditor/conf_check.h"

/* Certificates of our own: the keys below acme and managed. */

#define AT(type, field) .off = offsetof(struct type, field)

static const char *const tsig_words[] = {
	"hmac-sha256", "hmac-sha384", "hmac-sha512", NULL
};
static const char *const convention_words[] = {
	"uacme", "dehydrated", "lego", "lego-raw", "certbot", NULL
};
static const char *const check_words[] = {
	"authoritative", "resolvers", "none", NULL
};
static const char *const directory_words[] = {
	"letsencrypt", "letsencrypt-staging", NULL
};
static const char *const true_words[] = { "true", "false", NULL };
static const char *const false_words[] = { "false", "true", NULL };
static const char *const revoked_words[] = { "replace", "alert", NULL };
static const char *const challenge_words[] = {
	"http-01", "dns-01", "tls-alpn-01", "dns-account-01",
	"dns-persist-01", NULL
};
static const char *const persist_words[] = { "person", "dns-01", NULL };
static const char *const managed_words[] = {
	"p256", "p384", "rsa2048", "rsa3072", "rsa4096", NULL
};

static const struct conf_key http01_keys[] = {
	{ .name = "listen", .type = CONF_T_STR, AT(conf, http01_listen),
	  .help = "ADDRESS:PORT where answers are given" },
	{ .name = "webroot", .type = CONF_T_PATH, AT(conf, http01_webroot),
	  .help = "or the folder of a web server that gives them" },
	{ .name = NULL }
};
static const struct conf_map http01_map = { .keys = http01_keys };

static const struct conf_key rfc2136_keys[] = {
	{ .name = "server", .type = CONF_T_STR, AT(conf, dns01_server),
	  .help = "ADDRESS or ADDRESS@PORT of the primary" },
	{ .name = "key_name", .type = CONF_T_STR, AT(conf, dns01_key_name),
	  .help = "of the TSIG key" },
	{ .name = "algorithm", .type = CONF_T_STR,
	  AT(conf, dns01_algorithm), .words = tsig_words,
	  .dflt = "hmac-sha256", .help = "of the TSIG key" },
	{ .name = "secret_file", .type = CONF_T_SECRET,
	  AT(conf, dns01_secret_file), .help = "its secret, base64" },
	{ .name = NULL }
};
static const struct conf_map rfc2136_map = { .keys = rfc2136_keys };

static const struct conf_key acmedns_keys[] = {
	{ .name = "url", .type = CONF_T_STR, AT(conf, dns01_acmedns_url),
	  .check = conf_check_url, .help = "of the acme-dns server" },
	{ .name = "storage_file", .type = CONF_T_SECRET,
	  AT(conf, dns01_acmedns_file),
	  .help = "its accounts by name, JSON as lego keeps them" },
	{ .name = NULL }
};
static const struct conf_map acmedns_map = { .keys = acmedns_keys };

static const struct conf_key dns01_keys[] = {
	{ .name = "rfc2136", .type = CONF_T_MAP, .map = &rfc2136_map,
	  .help = "DNS updates" },
	{ .name = "acme_dns", .type = CONF_T_MAP, .map = &acmedns_map,
	  .help = "or an acme-dns server, to which CNAMEs lead" },
	{ .name = "hook", .type = CONF_T_PATH, AT(conf, dns01_hook),
	  .help = "or a program that places the record" },
	{ .name = "convention", .type = CONF_T_STR,
	  AT(conf, dns01_convention), .words = convention_words,
	  .dflt = "uacme", .help = "how the program is called" },
	{ .name = "check", .type = CONF_T_STRS, .flags = CONF_F_ONE,
	  AT(conf, dns01_check), .words = check_words,
	  .check = conf_check_seen, .dflt = "authoritative",
	  .help = "where the record must be seen before the CA looks" },
	{ .name = "resolvers", .type = CONF_T_STRS,
	  AT(conf, dns01_resolvers), .help = "asked instead of the system's" },
	{ .name = NULL }
};
static const struct conf_map dns01_map = { .keys = dns01_keys };

static const struct conf_key alpn01_keys[] = {
	{ .name = "listen", .type = CONF_T_STR, AT(conf, alpn01_listen),
	  .help = "ADDRESS:PORT where answers are given" },
	{ .name = NULL }
};
static const struct conf_map alpn01_map = { .keys = alpn01_keys };

static const struct conf_key account01_keys[] = { { .name = NULL } };
static const struct conf_map account01_map = { .keys = account01_keys };

static const struct conf_key persist01_keys[] = {
	{ .name = "place", .type = CONF_T_STR, AT(conf, persist_place),
	  .words = persist_words, .dflt = "person",
	  .help = "who keeps the record: person, or as dns-01 is placed" },
	{ .name = "until", .type = CONF_T_DATE, AT(conf, persist_until),
	  .help = "end of the grant that is placed" },
	{ .name = NULL }
};
static const struct conf_map persist01_map = { .keys = persist01_keys };

static const struct conf_key challenges_keys[] = {
	{ .name = "http-01", .type = CONF_T_MAP, .map = &http01_map,
	  .help = "control proved by a web page" },
	{ .name = "dns-01", .type = CONF_T_MAP, .map = &dns01_map,
	  .help = "control proved by a DNS record" },
	{ .name = "tls-alpn-01", .type = CONF_T_MAP, .map = &alpn01_map,
	  .help = "control proved by a TLS handshake" },
	{ .name = "dns-account-01", .type = CONF_T_MAP,
	  .flags = CONF_F_HERE, AT(conf, dns_account01),
	  .map = &account01_map,
	  .help = "as dns-01, at a name of the account's own" },
	{ .name = "dns-persist-01", .type = CONF_T_MAP,
	  .flags = CONF_F_HERE, AT(conf, dns_persist01),
	  .map = &persist01_map, .help = "a DNS record that stays" },
	{ .name = NULL }
};
static const struct conf_map challenges_map = { .keys = challenges_keys };

static const struct conf_key deploy_keys[] = {
	{ .name = "dir", .type = CONF_T_PATH, AT(conf, deploy_dir),
	  .help = "where certificates are put; default STATE_DIR/live" },
	{ .name = "hook", .type = CONF_T_PATH, AT(conf, deploy_hook),
	  .help = "a program that is run afterwards" },
	{ .name = NULL }
};
static const struct conf_map deploy_map = { .keys = deploy_keys };

static const struct conf_key acme_keys[] = {
	{ .name = "directory", .type = CONF_T_STR, AT(conf, acme_directory),
	  .words = directory_words, .check = conf_check_url,
	  .dflt = "letsencrypt", .help = "the CA, by name or URL" },
	{ .name = "ca_file", .type = CONF_T_PATH, AT(conf, acme_ca_file),
	  .help = "PEM: roots of a private CA's own TLS" },
	{ .name = "hosts", .type = CONF_T_STRS, AT(conf, acme_hosts),
	  .help = "other hosts that the CA's URLs may name" },
	{ .name = "ct", .type = CONF_T_WORD, AT(conf, acme_no_ct),
	  .words = true_words, .dflt = "true",
	  .help = "false: what it issues is in no log" },
	{ .name = "when_revoked", .type = CONF_T_WORD,
	  AT(conf, acme_when_alert), .words = revoked_words,
	  .dflt = "replace",
	  .help = "what we have, by somebody else: replace or alert" },
	{ .name = "email", .type = CONF_T_STR, AT(conf, acme_email),
	  .help = "contact of the account" },
	{ .name = "eab_kid", .type = CONF_T_STR, AT(conf, acme_eab_kid),
	  .help = "external account: its key's name" },
	{ .name = "eab_key_file", .type = CONF_T_SECRET,
	  AT(conf, acme_eab_key_file), .help = "external account: the key" },
	{ .name = "profile", .type = CONF_T_STR, AT(conf, acme_profile),
	  .help = "preferred certificate profile" },
	{ .name = "key_passphrase_file", .type = CONF_T_SECRET,
	  AT(conf, acme_key_passphrase),
	  .help = "encrypts the keys in state_dir" },
	{ .name = "challenges", .type = CONF_T_MAP, .map = &challenges_map,
	  .help = "how control of a name is proved" },
	{ .name = "deploy", .type = CONF_T_MAP, .map = &deploy_map,
	  .help = "where certificates go" },
	{ .name = NULL }
};
const struct conf_map conf_table_acme = { .keys = acme_keys };

static const struct conf_key managed_keys[] = {
	{ .name = "names", .type = CONF_T_STRS, .flags = CONF_F_REQUIRED,
	  AT(conf_managed, names), .help = "names of one certificate" },
	{ .name = "challenge", .type = CONF_T_STR,
	  AT(conf_managed, challenge), .words = challenge_words,
	  .help = "how control is proved" },
	{ .name = "key", .type = CONF_T_STR, AT(conf_managed, key),
	  .words = managed_words, .dflt = "p256", .help = "kind of its key" },
	{ .name = "profile", .type = CONF_T_STR, AT(conf_managed, profile),
	  .help = "preferred certificate profile" },
	{ .name = "require_profile", .type = CONF_T_WORD,
	  AT(conf_managed, require_profile), .words = false_words,
	  .dflt = "false", .help = "true: no certificate without it" },
	{ .name = "reuse_key", .type = CONF_T_WORD,
	  AT(conf_managed, reuse_key), .words = false_words,
	  .dflt = "false", .help = "true: renewed with the same key" },
	{ .name = NULL }
};
const struct conf_map conf_table_managed = {
	.size = sizeof(struct conf_managed), .keys = managed_keys
};
