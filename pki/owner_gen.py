#!/usr/bin/env python3
"""Write pki/owner_table.c: which CA owner has which CA keys.

usage: owner_gen.py FILE... > pki/owner_table.c

Each FILE holds PEM certificates of public CAs, for instance
/usr/share/ca-certificates/mozilla/*.crt and bundles of intermediates.
The owner is told by the organisation in the subject, which is fine for
these files and for nothing else: they come from root programs, not from
strangers.  Needs python3-cryptography.
"""

import hashlib
import re
import sys
import warnings

from cryptography import x509
from cryptography.hazmat.primitives import serialization

warnings.simplefilter('ignore')

# CAA identifier: problem-report contact, names in CCADB, organisations.
OWNERS = {
    'accv.es': (None, [], ['ACCV']),
    'actalis.it': (None, ['Actalis'], ['Actalis S.p.A./03358520967',
                                      'Actalis S.p.A.']),
    'amazon.com': (None, ['Amazon Trust Services', 'Amazon'], ['Amazon']),
    'anf.es': (None, [], ['ANF Autoridad de Certificacion']),
    'apple.com': (None, ['Apple', 'Apple Inc.'], ['Apple Inc.']),
    'atos.net': (None, ['Atos'], ['Atos']),
    'buypass.com': (None, ['Buypass'], ['Buypass AS-983163327']),
    'camerfirma.com': (None, ['AC Camerfirma, S.A.'],
                       ['AC Camerfirma S.A.', 'AC Camerfirma SA']),
    'certainly.com': (None, ['Certainly LLC'], ['Certainly']),
    'certigna.fr': (None, ['Certigna'], ['Dhimyotis', 'DHIMYOTIS',
                                        'Certigna']),
    'certsign.ro': (None, ['certSIGN'], ['certSIGN', 'CERTSIGN SA']),
    'certum.pl': (None, ['Asseco Data Systems S.A. (previously Unizeto '
                         'Certum)', 'Asseco Data Systems S.A.'],
                  ['Asseco Data Systems S.A.',
                   'Unizeto Technologies S.A.', 'Unizeto Sp. z o.o.']),
    'cfca.com.cn': (None, ['China Financial Certification Authority (CFCA)'],
                    ['China Financial Certification Authority']),
    'cybertrust.ne.jp': (None, ['Cybertrust Japan Co., Ltd.'],
                         ['Cybertrust Japan Co., Ltd.']),
    'd-trust.net': (None, ['D-TRUST'], ['D-Trust GmbH']),
    'digicert.com': ('revoke@digicert.com', ['DigiCert', 'QuoVadis'],
                     ['DigiCert Inc', 'DigiCert, Inc.', 'DigiCert, Inc',
                      'Baltimore', 'QuoVadis Limited',
                      'QuoVadis Trustlink B.V.', 'VeriSign, Inc.',
                      'Symantec Corporation', 'GeoTrust Inc.',
                      'thawte, Inc.', 'Cybertrust, Inc', 'RapidSSL']),
    'disig.sk': (None, ['Disig, a.s.'], ['Disig a.s.']),
    'e-szigno.hu': (None, ['Microsec Ltd.'], ['Microsec Ltd.']),
    'emsign.com': (None, ['eMudhra Technologies Limited'],
                   ['eMudhra Inc', 'eMudhra Technologies Limited']),
    'entrust.net': ('ecs.support@entrust.com', ['Entrust'],
                    ['Entrust, Inc.', 'Entrust.net', 'AffirmTrust',
                     'Entrust Corporation', 'Entrust Limited']),
    'firmaprofesional.com': (None, ['Firmaprofesional'], []),
    'fnmt.es': (None, [], ['FNMT-RCM']),
    'gdca.com.cn': (None, ['Global Digital Cybersecurity Authority Co., Ltd.'
                           ' (Formerly Guang Dong Certificate Authority '
                           '(GDCA))'],
                    ['GUANG DONG CERTIFICATE AUTHORITY CO.,LTD.',
                     'Global Digital Cybersecurity Authority Co., Ltd.']),
    'globalsign.com': ('report-abuse@globalsign.com', ['GlobalSign nv-sa',
                                                       'GlobalSign'],
                       ['GlobalSign', 'GlobalSign nv-sa']),
    'globaltrust.eu': (None, ['e-commerce monitoring GmbH'],
                       ['e-commerce monitoring GmbH']),
    'godaddy.com': ('practices@starfieldtech.com', ['GoDaddy'],
                    ['GoDaddy.com, Inc.', 'The Go Daddy Group, Inc.',
                     'Starfield Technologies, Inc.']),
    'harica.gr': (None, ['HARICA'],
                  ['Hellenic Academic and Research Institutions CA',
                   'Hellenic Academic and Research Institutions Cert. '
                   'Authority']),
    'hongkongpost.gov.hk': (None, [], ['Hongkong Post']),
    'identrust.com': (None, ['IdenTrust Services, LLC', 'IdenTrust'],
                      ['IdenTrust', 'Digital Signature Trust Co.']),
    'izenpe.com': (None, ['Izenpe S.A.'], ['IZENPE S.A.']),
    'jprs.jp': (None, ['Japan Registry Services Co., Ltd.'],
                ['Japan Registry Services Co., Ltd.']),
    'letsencrypt.org': ('cert-prob-reports@letsencrypt.org',
                        ['Internet Security Research Group',
                         "Internet Security Research Group (ISRG)",
                         "Let's Encrypt"],
                        ['Internet Security Research Group',
                         "Let's Encrypt", 'ISRG']),
    'microsoft.com': ('centralpki@microsoft.com', ['Microsoft Corporation'],
                      ['Microsoft Corporation']),
    'netlock.hu': (None, ['NETLOCK Ltd.', 'NETLOCK Kft.'],
                   ['NetLock Kft.', 'NETLOCK Ltd.', 'NETLOCK Kft.']),
    'pki.goog': ('contact@pki.goog', ['Google Trust Services LLC',
                                      'Google Trust Services'],
                 ['Google Trust Services LLC', 'Google Trust Services',
                  'Google Inc']),
    'secomtrust.net': (None, ['SECOM Trust Systems CO., LTD.'],
                       ['SECOM Trust Systems CO.,LTD.', 'SECOM Trust.net',
                        'SECOM Trust Systems Co., Ltd.']),
    'sectigo.com': ('sslabuse@sectigo.com', ['Sectigo'],
                    ['Sectigo Limited', 'COMODO CA Limited',
                     'Comodo CA Limited', 'The USERTRUST Network',
                     'AddTrust AB', 'ZeroSSL', 'GoGetSSL', 'cPanel, Inc.']),
    'sheca.com': (None, ['Shanghai Electronic Certification Authority Co., '
                         'Ltd.'], ['UniTrust']),
    'ssl.com': ('https://www.ssl.com/revoke', ['SSL.com'],
                ['SSL Corporation', 'SSL Corp']),
    'swisssign.com': (None, ['SwissSign AG'], ['SwissSign AG']),
    'telesec.de': (None, ['Deutsche Telekom Security GmbH'],
                   ['T-Systems Enterprise Services GmbH',
                    'Deutsche Telekom Security GmbH',
                    'T-Systems International GmbH']),
    'telia.com': (None, ['Telia Company'],
                  ['Telia Finland Oyj', 'TeliaSonera']),
    'trustasia.com': (None, ['TrustAsia Technologies, Inc.'],
                      ['TrustAsia Technologies, Inc.']),
    'trustwave.com': (None, ['SecureTrust', 'VikingCloud'],
                      ['Trustwave Holdings, Inc.', 'SecureTrust',
                       'SecureTrust Corporation',
                       'XRamp Security Services Inc']),
    'twca.com.tw': (None, ['Taiwan-CA Inc. (TWCA)'], ['TAIWAN-CA']),
    'wisekey.com': (None, ['WISeKey'], ['WISeKey']),
}

ORGS = {o: owner for owner, (_, _, orgs) in OWNERS.items() for o in orgs}

# Starfield's name, Amazon's key (amazontrust.com/repository).
AMAZON_CN = 'Starfield Services Root Certificate Authority'


def owner_of(cert):
    def first(oid):
        a = cert.subject.get_attributes_for_oid(oid)
        return a[0].value if a else ''
    cn = first(x509.NameOID.COMMON_NAME)
    if cn.startswith(AMAZON_CN):
        return 'amazon.com'
    if cn.startswith('Autoridad de Certificacion Firmaprofesional'):
        return 'firmaprofesional.com'
    org = first(x509.NameOID.ORGANIZATION_NAME)
    if org.startswith('(STAGING)'):
        return None
    return ORGS.get(org)


def keys(paths):
    out = {}
    for path in paths:
        with open(path, 'rb') as f:
            text = f.read()
        for pem in re.findall(rb'-----BEGIN CERTIFICATE-----.*?'
                              rb'-----END CERTIFICATE-----', text, re.S):
            try:
                cert = x509.load_pem_x509_certificate(pem)
                spki = cert.public_key().public_bytes(
                    serialization.Encoding.DER,
                    serialization.PublicFormat.SubjectPublicKeyInfo)
                owner = owner_of(cert)
            except Exception as e:
                print('%s: %s' % (path, e), file=sys.stderr)
                continue
            if owner:
                h = hashlib.sha256(spki).hexdigest()
                if out.setdefault(h, owner) != owner:
                    print('%s: %s or %s' % (h, out[h], owner),
                          file=sys.stderr)
    return out


def quote(s):
    return 'NULL' if s is None else '"%s"' % s.replace('"', '\\"')


def main():
    table = keys(sys.argv[1:])
    print('/* Made by pki/owner_gen.py: change that, not this. */\n')
    print('#include "pki/owner_table.h"\n')
    rows, lines = [], []
    for owner, (contact, _, _) in sorted(OWNERS.items()):
        own = sorted(h for h, o in table.items() if o == owner)
        rows.append('\t{ %s,\n\t    %s, %d, %d }' %
                    (quote(owner), quote(contact), len(lines), len(own)))
        lines += own
    print('const struct owner_row owner_rows[] = {\n%s\n};' %
          ',\n'.join(rows))
    print('const size_t owner_nrows = %d;\n' % len(rows))
    print('const struct owner_alias owner_aliases[] = {\n%s\n};' %
          ',\n'.join('\t{ %s,\n\t    %s }' % (quote(n), quote(o))
                     for o, (_, names, _) in sorted(OWNERS.items())
                     for n in names))
    print('const size_t owner_naliases = %d;\n' %
          sum(len(n) for _, n, _ in OWNERS.values()))
    print('const char *const owner_keys[] = {\n%s\n};' %
          ',\n'.join('\t"%s"' % h for h in lines))


main()
