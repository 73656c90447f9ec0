#ifndef BASE_LIMIT_H
#define BASE_LIMIT_H

/*
 * Every cap of the program, each with its reason.  What exceeds one is
 * refused with ERR_LIMIT or becomes a finding; nothing is cut silently.
 */

#include "base/limit_acme.h"

/* --- messages between processes --- */

/* One framed message: a full page of matches with their certificates. */
#define LIMIT_FRAME		(16u << 20)
/* Descriptors that travel with one message. */
#define LIMIT_FRAME_FDS		4

/* --- bodies, decompressed --- */

/* get-entries: 1,000 entries of 32 KB as base64 fit. */
#define LIMIT_BODY_ENTRIES	(64u << 20)
/* get-entry-and-proof: one entry with its chain as base64. */
#define LIMIT_BODY_ENTRY	(4u << 20)
/* A data tile: an entry of 16 MB, the largest there can be, and 255 others. */
#define LIMIT_BODY_TILE		(64u << 20)
/* A hash tile: 256 hashes of 32 bytes. */
#define LIMIT_BODY_HASH_TILE	8192u
/* A tree head, a checkpoint with 16 signatures, a proof. */
#define LIMIT_BODY_HEAD		(64u << 10)
/* A log list: Chrome's has 40 KB, all logs ever 200 KB. */
#define LIMIT_BODY_LOGLIST	(4u << 20)
/* An issuer certificate. */
#define LIMIT_BODY_ISSUER	(256u << 10)
/* What a webhook receiver answers and we keep. */
#define LIMIT_BODY_REPLY	4096u

/* --- fetching --- */

/* Networks in egress.allow_private: a list a person keeps by hand. */
#define LIMIT_EGRESS_NETS	64
/* Request headers of our own: conditions, signatures, content type. */
#define LIMIT_HTTP_HEADERS	16
/* One of them: a bearer token of 4 KB fits. */
#define LIMIT_HTTP_HEADER	8192u
/* Response header lines: honest servers send under 40. */
#define LIMIT_HTTP_REPLY_LINES	256
/* Roots that an operator adds: all of the system store has 220 KB. */
#define LIMIT_CA_PEM		(4u << 20)
/* A request body: an OCSP request or a webhook with its certificates. */
#define LIMIT_HTTP_BODY		(4u << 20)
/* Requests that one fetch process has under way or waiting. */
#define LIMIT_FETCH_JOBS	4096
/* Arenas of one fetch process: one a judge, two while one is replaced. */
#define LIMIT_ARENAS		256
/* Shared memory of one judge: 4 bodies of the largest size. */
#define LIMIT_ARENA		(256u << 20)
/* Extents of one arena, free and used. */
#define LIMIT_EXTENTS		65536
/* A body that comes in the answer (arena 0): it must fit in a frame. */
#define LIMIT_BODY_INLINE	(8u << 20)
/* Bodies that one fetch process writes into pipes: a descriptor each. */
#define LIMIT_FETCH_PIPES	256
/* Redirects of one request: CAs that redirect do it once. */
#define LIMIT_REDIRECTS		3
/* A body that nobody wants (an error page) and is read to its end. */
#define LIMIT_BODY_SKIPPED	(64u << 10)

/* --- what operators declare --- */

/* watch_file: 1,000,000 names of 60 bytes. */
#define LIMIT_WATCH_FILE	(64u << 20)
/* One file of `known import`: a bundle of 5,000 certificates. */
#define LIMIT_IMPORT_FILE	(16u << 20)
/* Certificates and CSRs of one import. */
#define LIMIT_IMPORT_ITEMS	200000
/* Folders in folders of one import; loops of links end here. */
#define LIMIT_IMPORT_DEPTH	16
/* An inventory of crt.sh: 500,000 certificates. */
#define LIMIT_SEED_FILE		(512u << 20)
/* Watches that an issuance's stored facts remember. */
#define LIMIT_DECIDE_WATCHES	1024
/* Log entries of one issuance that its stored facts remember. */
#define LIMIT_DECIDE_ENTRIES	256
/* Names that the detail of a finding lists; the rest is counted. */
#define LIMIT_DETAIL_NAMES	50

/* --- memory of sandboxed processes (private bytes; arenas do not count) --- */

/* A judge decodes one body of 64 MB and holds the matches of it. */
#define LIMIT_DATA_JUDGE	(512u << 20)
#define LIMIT_DATA_FETCH	(512u << 20)
/* Signs hashes and small messages. */
#define LIMIT_DATA_SIGN		(256u << 20)
/* 768 hostile handshakes, each with LIMIT_PROBE_BYTES read and copied. */
#define LIMIT_DATA_PROBE	(768u << 20)

/* --- certificate transparency --- */

/* A log's public key: an RSA one of 8,192 bits has 1,062 bytes. */
#define LIMIT_SPKI		2048u
/* Bits of an RSA key: longer ones only cost time. */
#define LIMIT_RSA_BITS		8192
/* Signature lines of a checkpoint: 16 must be accepted, 64 are ample. */
#define LIMIT_NOTE_SIGS		64u
/* Logs in a list: all logs ever are fewer than 300. */
#define LIMIT_LOGLIST_LOGS	4096u

/* --- auditing certificates --- */

/* A CRL: the largest that Let's Encrypt planned for has 70 MB. */
#define LIMIT_CRL		(256u << 20)
/* One entry of it, or one of its extensions. */
#define LIMIT_CRL_ENTRY		(64u << 10)
/* Serials that one scan looks for: the certificates of one issuer. */
#define LIMIT_CRL_WATCHED	(8u << 20)
/* A CRL that is kept whole as evidence of a revocation. */
#define LIMIT_CRL_KEEP		(1u << 20)
/* Content of a serial number: RFC 5280 allows 20 bytes. */
#define LIMIT_SERIAL		64u
/* An OCSP answer: with a chain of three certificates 6 KB. */
#define LIMIT_BODY_OCSP		(64u << 10)
/* An AIA answer: a PKCS #7 of ten certificates. */
#define LIMIT_BODY_AIA		(256u << 10)
/* A URI in a certificate that is followed. */
#define LIMIT_PTR_URL		1024u
/* URIs of one kind in one certificate. */
#define LIMIT_PTR_URLS		32u
/* Other certificates that go with one to its judge. */
#define LIMIT_POOL		64u
/* Fingerprints of weak keys: all of Debian's lists together have 16 MB. */
#define LIMIT_WEAK_LIST		(64u << 20)
/* Bits of the RSA moduli that are searched for shared factors at once: 4,096
   keys of 2,048 bits, which take 7 seconds. */
#define LIMIT_WEAK_BITS		(8u << 20)
/* Intermediates of a path: 8 is what browsers take. */
#define LIMIT_CHAIN_DEPTH	8
/* Certificates that a search for paths looks at as issuers. */
#define LIMIT_CHAIN_TRIES	2000u
/* Signatures that a search for paths verifies. */
#define LIMIT_CHAIN_SIGS	200u
/* Paths that are judged. */
#define LIMIT_CHAIN_PATHS	64u
/* Name constraints times names that all paths of one search compare. */
#define LIMIT_CHAIN_NAMES	(1u << 20)
/* Names of one certificate that are compared with constraints. */
#define LIMIT_CHAIN_SANS	100000u
/* A root store: PEM of all programs, certdata.txt, CCADB's PEMs. */
#define LIMIT_ROOTS		(64u << 20)
/* SCTs of one certificate, from all sources. */
#define LIMIT_SCTS		64u
/* Addresses of one endpoint that are looked at. */
#define LIMIT_PROBE_ADDRS	16
/* Connections and questions that one probe process has under way. */
#define LIMIT_PROBES		1024
/* Endpoints that are watched. */
#define LIMIT_ENDPOINTS		100000u
/* Bytes that an endpoint may send before its handshake is done. */
#define LIMIT_PROBE_BYTES	(256u << 10)
/* Records of one CAA set. */
#define LIMIT_CAA		64u
/* Serials of one list for `affected` or `expect revocation`. */
#define LIMIT_SERIALS		1000000u
/* Log keys kept ready to verify: the logs of a list, at a few KB each. */
#define LIMIT_SIG_KEYS		128u
/* Signatures that are verified to find the issuer of one certificate. */
#define LIMIT_SCTS_ISSUERS	32u
/* What stands before the entries of a CRL, and what behind: 400 bytes each. */
#define LIMIT_CRL_HEADER	(64u << 10)
#define LIMIT_CRL_TAIL		(256u << 10)
/* Entries of one CRL kept as they are: 1,000,000 revoked ones of 45 bytes. */
#define LIMIT_CRL_RAW		(64u << 20)
/* Connections to one address at a time: a server is not to feel them. */
#define LIMIT_PROBE_PEER	4
/* A Diffie-Hellman group that a server wants: larger ones cost us seconds. */
#define LIMIT_DH_BITS		4096
/* A line of a mail server before TLS: RFC 5321 4.5.3.1.5 says 512 bytes. */
#define LIMIT_STARTTLS_LINE	4096u
/* Records of one DNS answer, with its CNAMEs: real ones have under 50. */
#define LIMIT_DNS_RRS		512
/* CNAMEs from a name to its records: resolvers give up at 8 to 16. */
#define LIMIT_DNS_CNAMES	16
/* /etc/hosts: lists against advertising have 6 MB. */
#define LIMIT_HOSTS_FILE	(16u << 20)
/* Such a list as a file: lines of a CSV with names and dates. */
#define LIMIT_SERIALS_FILE	(256u << 20)

/* --- configuration --- */

/* The file: 10,000 inline watches fit; more belong into watch_file. */
#define LIMIT_CONF_FILE		(4u << 20)
/* Collections inside each other; the deepest that we know has 5. */
#define LIMIT_CONF_DEPTH	16
/* One value: a connection string or a URL with a long token. */
#define LIMIT_CONF_TEXT		4096u
/* Items of one list or mapping. */
#define LIMIT_CONF_ITEMS	20000u
/* A secret file: a PEM key of 16,384 bits has 13 KB. */
#define LIMIT_CONF_SECRET	(64u << 10)

/* --- watches --- */

/* Watches in one set: four times what was measured; offsets stay 32 bits. */
#define LIMIT_WATCHES		(4u << 20)
/* Exclusions of one watch: they are compared one by one, on a hit only. */
#define LIMIT_WATCH_EXCLUDES	1000u
/* Issuer keys kept read: the CAs of a log, with room, at a few KB each. */
#define LIMIT_CERT_KEYS		32u
/* Good signatures remembered, 32 bytes each. */
#define LIMIT_CERT_SIGNED	1024u
/* One name in a certificate as a name; longer ones are searched as bytes. */
#define LIMIT_NAME_BYTES	1000u

/* --- findings and messages --- */

/* Findings that one query returns; who wants more asks on from the last id. */
#define LIMIT_FINDING_PAGE	1000
/* Standard Webhooks wants less than 20 kB. */
#define LIMIT_WEBHOOK_BODY	20000u
/* Events of one grouped message: what does not fit starts another. */
#define LIMIT_GROUP_EVENTS	500
/* Findings that a message carries whole; the others are counted. */
#define LIMIT_MESSAGE_FINDINGS	20
/* Names that a message lists for one certificate; the others are counted. */
#define LIMIT_MESSAGE_NAMES	20
/* A section of a Slack message, in characters (Slack's own limit). */
#define LIMIT_SLACK_SECTION	3000u
/* Text of one message: a screen of 60 lines fits several times. */
#define LIMIT_MESSAGE_TEXT	12000u
/* One variable for a program: Linux allows 128 KB. */
#define LIMIT_EXEC_VAR		(32u << 10)
/* Seconds that a program may take. */
#define LIMIT_EXEC_SECS		30
/* Rows of one section of an audit report; what is more is counted. */
#define LIMIT_REPORT_ROWS	10000
/* Text of an audit report in a message: a webhook stays below its limit. */
#define LIMIT_REPORT_TEXT	8000u
/* Deliveries that one worker has under way. */
#define LIMIT_DELIVERIES	64
/* Channels whose secrets the sign process holds. */
#define LIMIT_SIGN_CHANNELS	1024
/* What the sign process signs: an evidence statement, a webhook body. */
#define LIMIT_SIGN_BODY		(1u << 20)

/* --- database --- */

/* Parameters of one statement; ours have fewer than 30. */
#define LIMIT_DB_PARAMS		48
/* Statements in a pipeline before it is waited for: bounds its memory. */
#define LIMIT_DB_PIPELINE	1024
/* A server that does not answer a connection attempt, seconds. */
#define LIMIT_DB_CONNECT	10
/* Channels that one connection listens on. */
#define LIMIT_DB_LISTEN		8
/* Work that one claim takes: more would only wait with the lease running. */
#define LIMIT_LEASES		256u
/* A worker unseen for so long (seconds) is dead: three lost heartbeats. */
#define LIMIT_WORKER_ALIVE	30
/* A unix socket's path (sun_path less its end), for PostgreSQL's socket. */
#define LIMIT_SOCKET_PATH	107u
/* The embedded server's log file; the one before is kept. */
#define LIMIT_EMBED_LOG		(8u << 20)
/* Seconds for a fast stop of the embedded server before an immediate one. */
#define LIMIT_EMBED_STOP	30

/* --- entries --- */

/* Watches that one entry may match; more are counted as so many. */
#define LIMIT_HITS		1024
/* One match with its certificate and chain: logs accept up to 512 KB. */
#define LIMIT_MATCH		(4u << 20)
/* Certificates of a chain that are kept. */
#define LIMIT_CHAIN		16

/* Owners that may watch one name. */
#define LIMIT_WATCH_OWNERS	64

/* Bodies of one log that wait for its judge (touched pages only count). */
#define LIMIT_ARENA_LOG		(160u << 20)

/* CCADB's AllCertificateRecords CSV has 10 MB. */
#define LIMIT_CCADB		(64u << 20)
/* CRLs of one CA there: a field has 131,072 characters, some 60 a URL. */
#define LIMIT_CCADB_CRLS	2048u

/* --- evidence and inspection --- */

/* An evidence file: coverage of 80 logs over three months. */
#define LIMIT_EVIDENCE		(32u << 20)
/* Its statements: the same. */
#define LIMIT_EVIDENCE_ITEMS	65536u
/* Log entries of one issuance that are exported: more are only counted. */
#define LIMIT_EVIDENCE_ENTRIES	64
/* Serials that one CRL of it is asked for: a campaign's first ones. */
#define LIMIT_EVIDENCE_SERIALS	256u
/* A file that `inspect` looks at: the largest public CRLs have 40 MB. */
#define LIMIT_INSPECT_FILE	(64u << 20)
/* Objects of one PEM file that `inspect` shows: all public intermediates. */
#define LIMIT_INSPECT_ITEMS	10000u
/* Entries of a CRL that `inspect` lists; all are counted. */
#define LIMIT_INSPECT_REVOKED	1000u
/* SCTs of one list: 16 bits of length hold 500 small ones. */
#define LIMIT_INSPECT_SCTS	512
/* Entries of one get-entries answer: logs give at most 1,000. */
#define LIMIT_INSPECT_ENTRIES	10000u
/* Certificates that one OCSP response answers for: public ones have 1. */
#define LIMIT_OCSP_SINGLES	1024
/* Seconds that looking at one file may take. */
#define LIMIT_INSPECT_SECS	60
/* What a look at one file may say: 256 entries in words, many times over. */
#define LIMIT_INSPECT_SAID	(64u << 20)

/* --- keys of ACME accounts and certificates --- */

/* The passphrase of them: what OpenSSL reads at most. */
#define LIMIT_SIGN_PASSPHRASE	1023u
/* Keys that the sign process keeps read: some times the orders in flight. */
#define LIMIT_SIGN_KEYS		256u
/* Hosts that an account's URLs may be on. */
#define LIMIT_SIGN_HOSTS	16u

/* --- answering challenges --- */

/* Answers of one kind at a time: 64 orders of 100 names, with room. */
#define LIMIT_CHALLENGES	8192
/* Listening sockets of one kind: a machine has few addresses. */
#define LIMIT_CHALLENGE_LISTEN	16
/* A token: CAs use 43 characters; it must also be a file's name. */
#define LIMIT_CHALLENGE_TOKEN	128u
/* A key authorization: the token and 43 characters, with room. */
#define LIMIT_CHALLENGE_KEYAUTH	256u
/* The certificate and the key of tls-alpn-01: RSA of 4,096 bits fits. */
#define LIMIT_CHALLENGE_DER	4096u
/* Seconds that an answer stays: authorizations end after 7 days. */
#define LIMIT_CHALLENGE_SECS	(7u * 86400)
/* Connections at a time: validations of 100 names from 5 places at once. */
#define LIMIT_CHALLENGE_CONNS	1024
/* The head of an HTTP request: CAs send under 500 bytes. */
#define LIMIT_CHALLENGE_HEAD	4096u
/* All that one client may send: hellos with large keys have 4 KB. */
#define LIMIT_CHALLENGE_BYTES	(32u << 10)
/* Notes about hits, in a second; and about one answer, for ever. */
#define LIMIT_CHALLENGE_HITS	100
#define LIMIT_CHALLENGE_HITS_OF	32
/* Its memory: 1,024 handshakes of 100 KB, 8,192 certificates of 10 KB. */
#define LIMIT_DATA_CHALLENGE	(256u << 20)

/* --- values in the DNS --- */

/* Bytes of a TSIG secret: more than a block of SHA-512 only gets hashed. */
#define LIMIT_TSIG_SECRET	512u
/* A TXT value: one of dns-01 has 43 bytes, a grant with a URL some 300. */
#define LIMIT_DNS_VALUE		1024u
/* Values at one name that are checked: base and wildcard are two. */
#define LIMIT_DNS_VALUES	16
/* Name servers of one zone, and addresses of all of them: the root has 26. */
#define LIMIT_DNS_NS		16
#define LIMIT_DNS_NS_ADDRS	48
/* Names whose zone is remembered. */
#define LIMIT_DNS_ZONES		256
/* An answer to an update: a header, perhaps the zone, and a TSIG. */
#define LIMIT_DNS_SAID		4096u
/* Seconds that a hook program may take: certbot's often sleep a minute. */
#define LIMIT_DNS01_SECS	300
/* What it may print to be kept: of stdout the first, of stderr the last. */
#define LIMIT_DNS01_OUTPUT	4096u
/* A token (RFC 8555 8.1 has at least 22 characters, CAs send 43). */
#define LIMIT_DNS01_TOKEN	256u
/* Names of one order that a hook is told: CAs take 100; a variable holds. */
#define LIMIT_DNS01_NAMES	100u
/* The answer of acme-dns: under 500 bytes. */
#define LIMIT_ACMEDNS		(16u << 10)

/* --- what other ACME clients have --- */

/* Names in one folder of theirs: csr/ of a certbot of ten years has 50,000. */
#define LIMIT_CLIENT_NAMES	200000u
/* One file of theirs: a chain of five RSA certificates has 10 KB. */
#define LIMIT_CLIENT_FILE	(256u << 10)
/* All of one import: 60,000 certificates with chain, key and request. */
#define LIMIT_CLIENT_BYTES	(512u << 20)
/* Folders above an account: certbot has the path of a directory's URL. */
#define LIMIT_CLIENT_DEPTH	8
/* Files that are named as skipped, with the reason; all are counted. */
#define LIMIT_CLIENT_SKIPS	1000u
/* Private keys that one process looks at. */
#define LIMIT_CLIENT_KEYS	1000u
/* The URL of an account: CAs have under 100 bytes. */
#define LIMIT_CLIENT_URL	1024u

/* --- acme.challenges and acme.key_passphrase_file --- */

/* Keys that are encrypted when a store is opened: 50 ms each, and the opener
   waits; the next time goes on. */
#define LIMIT_SIGN_ENCRYPT	256u

/* --- what is deployed --- */

/*
 * Versions of one name that stay beside the one that is served: 20 months of
 * renewals at 60 days, a month at 3 days.
 */
#define LIMIT_DEPLOY_OLD	10u

/* --- orders that are not over --- */

/*
 * Seconds for which an order is gone on with whose CA was away or did not
 * finish it; a CA that never does must not keep a certificate from being
 * renewed by another order.
 */
#define LIMIT_ACME_ORDER_AGE	86400

/* --- pre-flight --- */

/* Silence of a resolver, of a peer: for all checks of an order together. */
#define LIMIT_PREFLIGHT_MS	2000
/* The same while other orders are under way, which it holds up. */
#define LIMIT_PREFLIGHT_BRIEF_MS	60
/* Questions and connections under way at a time: 100 names are some 400. */
#define LIMIT_PREFLIGHT_ASKS	64u
#define LIMIT_PREFLIGHT_REACHES	64u
/* Addresses of one name that are tried: a CA takes one of them. */
#define LIMIT_PREFLIGHT_ADDRS	8u
/* What a server of a name says to a probe: a head, and 87 bytes. */
#define LIMIT_PREFLIGHT_BODY	8192u
/* Right answers that are remembered, for an hour: names of many orders. */
#define LIMIT_PREFLIGHT_KNOWN	4096u
/* Labels of a name that are asked for CAA. */
#define LIMIT_PREFLIGHT_LABELS	128u

/* --- the loop --- */

/* Replacements of one certificate a day, each of which was revoked, too. */
#define LIMIT_REPLACE		3
/* Tries to fetch the certificate of one lost order. */
#define LIMIT_LATE		2
/* Certificates that one sweep plans to ask a CA's advice about. */
#define LIMIT_ARI_PLAN		1000
/* A certificate's identifier: key identifiers have 20 bytes, serials 20. */
#define LIMIT_ARI_ID		512u

/* --- answering what others obtained --- */

/* Names of one order that is only for proofs: no profile takes fewer. */
#define LIMIT_RESPOND_BATCH	25u
/* Names that are looked at for who serves them, and for their CAA records. */
#define LIMIT_RESPOND_LOOKS	64u

/* --- orders in flight --- */

/* Orders of one process that are under way at a time. */
#define LIMIT_ACME_FLIGHT	64u
/* Clients of the role `acme` at a time, and orders that wait for a turn. */
#define LIMIT_ACME_CLIENTS	256u
/* A message between them: 100 names of 253 bytes, or an error. */
#define LIMIT_ACME_FRAME	(64u << 10)

/* --- how fast logs are asked --- */

/* Addresses that one machine may ask from (fetch.source_addresses). */
#define LIMIT_SOURCE_ADDRESSES	16u
/* An address as text, with its zero byte (INET6_ADDRSTRLEN). */
#define LIMIT_SOURCE_TEXT	46u

/* --- coverage --- */

/* Issuances that an estimate of the blind share looks at, the newest. */
#define LIMIT_BLIND_ISSUANCES	1000

/* --- logs are audited --- */

/* Heads that one turn of a sweep looks at, and a day more: a log's day has
   1,440 polls, which take 0.2 s.  And what a log with none counts for. */
#define LIMIT_HEAD_SWEEP	1000
#define LIMIT_HEAD_SWEEP_LOG	50
/* Heads that one turn of a log compares with its tree: a request each. */
#define LIMIT_HEAD_AUDIT	16u
/* Witnesses that are configured; a checkpoint has at most 64 lines. */
#define LIMIT_WITNESSES		32u
/* What another vantage point saw: the heads of 100 logs, three of each. */
#define LIMIT_BODY_GOSSIP	(1u << 20)
#define LIMIT_GOSSIP_HEADS	400u
/* A head with 16 signatures, of which some are ML-DSA. */
#define LIMIT_GOSSIP_RAW	(32u << 10)
/*
 * Bytes of a leaf in which a changed bit is looked for: each bit is hashed,
 * 32,768 times half of this, a quarter of a second.
 */
#define LIMIT_FLIP_LEAF		4096u
/* Heads of one source that wait for our tree to grow past them. */
#define LIMIT_VANTAGE_WAIT	1000u

/* --- history: back-fill --- */

/*
 * Entries of one range: 256 tiles, a minute of a log that gives 1,000 a
 * second.  What is proven on the way stays, so a worker that dies costs its
 * lease; the fixed cost of a range is two proofs and a commit.
 */
#define LIMIT_BACK_RANGE	65536
/* The least and the most that --step may ask for. */
#define LIMIT_BACK_STEP_MIN	1024
#define LIMIT_BACK_STEP_MAX	1048576
/* Ranges that one worker reads at a time; each has a judge and an arena. */
#define LIMIT_BACK_FLIGHT	4u
/*
 * Ranges of one back-fill that are rows of work at a time: enough for 16
 * workers, few enough that a claim passes over those of 50 logs.
 */
#define LIMIT_BACK_WINDOW	64

/* --- retention, room --- */

/* Rows that are dropped in one statement. */
#define LIMIT_RETAIN_ROWS	10000

/* --- judges of one log --- */

/* That help the first one of a log that is far behind, if there are cores. */
#define LIMIT_CREW	31u

/* --- matches stored together --- */

/* Matches after which what was proven is committed, however little it is. */
#define LIMIT_MATCH_COMMIT	1024
/* Rows that one statement takes or decides about, and bytes of them. */
#define LIMIT_MATCH_ROWS	512
#define LIMIT_MATCH_BYTES	(8u << 20)

/* --- what the DNS said a moment ago --- */

/* Answers that are remembered: parents of the names that are looked at. */
#define LIMIT_AUDIT_MEMO	128u
/* Bytes of one: CAA records are short; what is larger is asked for again. */
#define LIMIT_AUDIT_MEMO_BYTES	2048u

/* --- entries that accuse their log --- */

/* With a bit changed, that the finding about a log names. */
#define LIMIT_LOG_FLIPS	64u
/* Entry and promise that are looked up together, and remembered. */
#define LIMIT_LOG_PAGE	64u
/*
 * That are searched for a bit in one turn: a second of the engine, whatever a
 * log and a CA have signed.
 */
#define LIMIT_LOG_SEARCH	4u

/*
 * Entries of one commit that are held against heads which should have them, a
 * look-up each: of a log that is far behind, all of them may be.
 */
#define LIMIT_LOG_LATE	16u

/* --- what a log did wrong --- */

/*
 * Of one kind, that the finding about a log keeps: two heads of a log that
 * forks each minute show no more than the first two.
 */
#define LIMIT_LOG_FAULTS	4u

/* --- a restore --- */

/* It waits so long (milliseconds) for who has a table in use. */
#define LIMIT_RESTORE_LOCK_MS	5000

/* --- logs that are read at once --- */

/* By one worker: each has an arena (of LIMIT_ARENAS) and a judge. */
#define LIMIT_TAILS	200u

#endif
