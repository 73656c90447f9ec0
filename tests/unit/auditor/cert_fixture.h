#ifndef TESTS_UNIT_AUDITOR_CERT_FIXTURE_H
#define TESTS_UNIT_AUDITOR_CERT_FIXTURE_H

/* What a judge would have said of a certificate; after sql.h. */

#include "auditor/db/cert_store.h"
#include "auditor/role/judge_audit.h"
#include "base/clk.h"
#include "tests/unit/auditor/audit_fixture.h"

/* Arrays of one certificate at a time. */
static const char	*said_names[2], *said_crl[2], *said_ocsp[2];
static struct judge_sct	 said_scts[3];
static struct judge_path said_paths[2];
static uint8_t		 said_path[64];

/*
 * hash(T) as tbs, as the database has it; names a.example, two SCTs that are
 * valid, one path of program "system" that is trusted.  All is well with it.
 */
static inline struct judge_cert
said_cert(uint8_t tbs)
{
	struct judge_cert	k;
	size_t			i;

	memset(&k, 0, sizeof(k));
	memset(k.tbs_sha256, tbs, 32);
	memset(k.cert_sha256, tbs, 32);
	memset(k.spki_sha256, 0xbb, 32);
	k.has_issuer = 1;
	memset(k.issuer_sha256, 0xca, 32);
	memset(k.issuer_spki, 0xaa, 32);
	k.serial = "01";
	k.key_type = "p256";
	k.subject = "CN=a.example";
	k.issuer = "CN=CA";
	k.not_before = clk_wall() - 86400 * CLK_SEC;
	k.not_after = clk_wall() + 89 * 86400 * CLK_SEC;
	said_names[0] = "a.example";
	said_crl[0] = "http://c";
	said_ocsp[0] = "http://o";
	k.names = said_names;
	k.crl = said_crl;
	k.ocsp = said_ocsp;
	k.nnames = k.ncrl = k.nocsp = 1;
	k.weak = k.weak_why = k.scts_reason = k.chain_reason = "";
	memset(said_scts, 0, sizeof(said_scts));
	for (i = 0; i < 2; i++) {
		memset(said_scts[i].log_id, (int)i + 1, 32);
		memset(said_scts[i].leaf_hash, (int)i + 0x51, 32);
		said_scts[i].timestamp = 1790000000000ULL + i;
		said_scts[i].leaf_index = -1;
		said_scts[i].reason = "";
		said_scts[i].raw = SPAN_STR("sct");
	}
	k.scts = said_scts;
	k.nscts = 2;
	k.compliant[0] = k.compliant[1] = 1;
	k.policy[0] = k.policy[1] = "";
	memset(said_path, tbs, 32);
	memset(said_path + 32, 0xca, 32);
	memset(said_paths, 0, sizeof(said_paths));
	said_paths[0] = said_paths[1] = (struct judge_path){ "system",
	    CHAIN_TRUSTED, CHAIN_TRUSTED, "", k.not_after,
	    { said_path, sizeof(said_path) } };
	k.paths = said_paths;
	k.npaths = 1;
	k.name_ok = -1;
	return k;
}

#endif
