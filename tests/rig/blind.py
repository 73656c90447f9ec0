#!/usr/bin/env python3
"""What is not seen, worked out a second time: random logs (what Chrome's and
Apple's lists say of them, how far each was read, what was issued) are put into
a database, and `certvigil coverage --blind` is asked.  The answer must be that
of plain loops over sets of logs, by the texts of the two CT policies.

    blind.py CONNINFO PROGRAM CONFIG FIRST LAST

CONNINFO is a database with the schema in it, which CONFIG names; seeds FIRST to
LAST - 1.  Prints what differs, and how many seeds do; exit 1 when one does."""
import base64
import calendar
import hashlib
import itertools
import json
import random
import subprocess
import sys
import time

HOUR, DAY = 3600, 86400
POLL = 60
MMD = {'rfc6962': DAY, 'static': 60}
STATES = ['usable'] * 6 + ['qualified'] + ['readonly'] * 2 + \
    ['retired'] * 3 + ['pending', 'rejected']
OWNERS = ['one.example', 'two.example']
# A list that was not looked at for so long says nothing.
STALE = 7 * DAY


def other(program):
    return 'apple' if program == 'chrome' else 'chrome'


class Log:
    """What its operator made of it, what lists say, how we read it."""

    def __init__(self, rng, i, ops, now, tests):
        self.i = i
        self.now = now
        self.key = b'key %d %d' % (i, rng.randrange(1 << 40))
        self.id = hashlib.sha256(self.key).digest()
        self.proto = rng.choice(['rfc6962', 'rfc6962', 'static'])
        self.interval = None
        if rng.random() < .7:
            a = rng.choice([-400, -90, -30, -10, 5, 20, 60, 170, 179, 181,
                            200, 300]) + rng.random()
            n = rng.choice([15, 90, 180, 365])
            self.interval = (int(now + a * DAY), int(now + (a + n) * DAY))
        self.test = tests and rng.random() < .06
        self.says = {b: self.said(rng, ops, now) for b in ('chrome', 'apple')}
        if None not in self.says.values() and rng.random() < .8:
            self.says['apple'] = self.says['chrome']
        if self.says['apple'] is None and self.says['chrome'] is None:
            self.says['chrome'] = {'op': ops[0], 'state': 'usable',
                                   'at': now - 300 * DAY}
        # table log has what the list says that named it first
        self.row = self.says['chrome'] or self.says['apple']
        self.added = rng.choice([1200, HOUR + 60, DAY, 20 * DAY, 100 * DAY])
        self.read, self.age = self.reading(rng)
        # entries a second, and how long ago some were read
        self.speed = rng.choice([None, .5, 4])
        self.growth = rng.choice([None, 0, .5, 1]) \
            if self.read != 'history' else 50 / (200 * DAY)
        self.progress = rng.choice([10, 500, 700])

    @staticmethod
    def said(rng, ops, now):
        if rng.random() < .1:
            return None
        return {'op': rng.choice(ops), 'state': rng.choice(STATES),
                'at': int(now - rng.choice([600, 2 * HOUR, 30 * DAY,
                                            300 * DAY]) - rng.random() * 100)}

    @staticmethod
    def reading(rng):
        how = rng.choice(['whole'] * 6 + ['away'] * 3 + ['behind'] * 3 +
                         ['half', 'history', 'delays', 'old', 'never'])
        age = rng.choice([700, 1900, 3000, 4000, 9000, 40000, 90000, 200000,
                          10 * DAY]) + rng.random() * 300
        return how, rng.choice([0, 5, 30]) if how == 'whole' else age

    def watched(self, now):
        """Rejected logs are not read, nor retired ones of the past."""
        s = self.row['state']
        return s != 'rejected' and (s != 'retired' or bool(
            self.interval and now < self.interval[1]))

    def lag(self):
        """How old the oldest thing is that was not seen since we know it."""
        age = {
            'whole': 0,                 # polled just now
            'away': self.age,           # heard so long ago, fails since
            'behind': self.age,         # its head is old that was read whole
            'half': self.age / 2,       # of what came evenly since
            'history': self.added,      # by its growth older than we know it
            'delays': 90,               # it shows late what it has
            'never': self.added,
        }.get(self.read)
        if self.read == 'old':          # heads may be as old as the MMD
            ended = self.row['state'] in ('readonly', 'retired')
            age = self.age if self.age > MMD[self.proto] + 600 and \
                not ended else 0
        return min(age, self.added)

    def line(self):
        """What `coverage` says of it."""
        ended = self.row['state'] in ('readonly', 'retired')
        age = {'whole': 0, 'away': self.age, 'behind': self.age,
               'half': self.age / 2, 'history': 200 * DAY + 10,
               'delays': self.age, 'never': self.added,
               'old': self.lag() and self.age}[self.read]
        if self.read in ('whole', 'away') and ended and \
                self.row['at'] <= self.now - self.age:
            age = 0
        left = None if self.read == 'never' else \
            max(0, self.heads()[-1][0] - 100)
        eta, never = None, False
        growth = 0 if self.row['state'] == 'readonly' else self.growth
        if left == 0:
            eta = None if age else 0
        elif left:
            speed = 0 if self.progress > 600 else self.speed
            if speed is not None and speed > (growth or 0):
                eta = left / (speed - (growth or 0))
            never = None not in (speed, growth) and speed <= growth
        return {'lag_entries': left, 'lag_seconds': age, 'eta_seconds': eta,
                'never_catches_up': never, 'behind': self.read in
                ('away', 'behind', 'half', 'history', 'never')}

    def heads(self):
        """(size, age) of the signed heads, oldest first."""
        return {
            'whole': [(100, self.age)],
            'away': [(100, self.age)],
            'old': [(100, self.age)],
            'behind': [(100, self.age), (200, 10)],
            'delays': [(100, self.age), (200, 10)],
            'half': [(50, self.age), (150, 0)],
            'history': [(150, 10)],
            'never': [],
        }[self.read]


class State:
    def __init__(self, seed):
        rng = random.Random(seed)
        self.now = now = time.time()
        self.fresh = {p: rng.choice([60, 60, 60, DAY, 8 * DAY])
                      for p in ('chrome', 'apple')}
        # what no list says any more, such as which logs are for tests
        tests = max(self.fresh.values()) < STALE
        ops = ['O%d' % i for i in range(rng.randint(1, 4))]
        self.logs = [Log(rng, i, ops, now, tests)
                     for i in range(rng.randint(2, 9))]
        self.issued = [self.issuance(rng) for _ in range(
            rng.choice([0, 15, 19, 20, 40]))]

    def issuance(self, rng):
        """owner, age, valid, logs that showed it, logs of its SCTs, and
        logs of SCTs that were only served"""
        def some(most):
            return rng.sample(self.logs, min(len(self.logs),
                                             rng.randint(0, most)))
        return (rng.choice(OWNERS), rng.choice([HOUR / 2, 5 * HOUR, 21 * DAY,
                                                31 * DAY]),
                rng.random() < .9, some(2), some(2), some(1))

    def said(self, log, program):
        if self.fresh[program] > STALE:
            return log.row
        return log.says[program]

    # --- the policies ---------------------------------------------------------

    def counted(self, program, way, logs, not_after, least):
        """Whose SCTs count, in a certificate that nobody saw."""
        out = []
        for log in logs:
            s = self.said(log, program)
            if s is None or log.test or (log.interval and not
                                         log.interval[0] <= not_after <
                                         log.interval[1]):
                continue
            # what it signed before its end, and we did not see
            hidden = log.lag() > self.now - s['at']
            if s['state'] in ('usable', 'qualified') or (
                    s['state'] == 'readonly' and hidden) or (
                    s['state'] == 'retired' and hidden and
                    way == 'embedded'):
                out.append((log, s))
        if program == 'apple':
            return out
        # Chrome: the oldest SCT of logs that are not retired is from before
        oldest = max([max(log.lag(), least) for log, s in out
                      if s['state'] != 'retired'] + [0])
        return [(log, s) for log, s in out if s['state'] != 'retired' or
                oldest > self.now - s['at']]

    def suffices(self, program, way, logs, not_after, least=0):
        days = (not_after - self.now) / DAY
        if days < 0 or days > 398:
            return False
        short = days <= 180
        c = self.counted(program, way, logs, not_after, least)
        ops = {}
        for _, s in c:
            ops[s['op']] = ops.get(s['op'], 0) + 1
        if not any(s['state'] != 'retired' for _, s in c):
            return False
        if program == 'chrome':
            need = 3 if way == 'embedded' and not short else 2
            return len(c) >= need and len(ops) >= 2
        if not any(log.proto == 'rfc6962' for log, _ in c):
            return False
        if way == 'tls':
            return len(c) >= 2
        cap, need = (1, 2) if short else (2, 3)
        return sum(min(cap, n) for n in ops.values()) >= need

    def ends(self):
        t = {self.now + d * DAY for d in (.001, 179.99, 180.01, 397.99)}
        for log in self.logs:
            for x in log.interval or ():
                t |= {x - 1, x, x + 1}
        return [x for x in t if x >= self.now]

    def worst(self, program, way):
        """The longest lag, of which all logs suffice that lag so long."""
        for t in sorted({log.lag() for log in self.logs}, reverse=True):
            behind = [log for log in self.logs if log.lag() >= t]
            if t > 0 and any(self.suffices(program, way, behind, e)
                             for e in self.ends()):
                return t
        return 0

    def margin(self, program, way):
        """How many more must fall behind for an hour."""
        behind = [log for log in self.logs if log.lag() >= HOUR]
        rest = [log for log in self.logs if log.lag() < HOUR]
        for n in range(len(rest) + 1):
            for more in itertools.combinations(rest, n):
                if any(self.suffices(program, way, behind + list(more), e,
                                     HOUR) for e in self.ends()):
                    return n
        return None

    def blind(self):
        """Logs that lag for an hour, and would count somewhere."""
        return [log for log in self.logs if log.lag() >= HOUR and not
                log.test and any(
                    s['state'] in ('usable', 'qualified') or
                    s['state'] == 'readonly' and
                    log.lag() > self.now - s['at']
                    for s in (self.said(log, p) for p in ('chrome', 'apple'))
                    if s)]

    def estimate(self):
        """{owner: (issuances, only there)} of windows that were read whole."""
        blind = self.blind()
        if not blind:
            return None
        whole = max(log.lag() for log in blind)
        out = {}
        for owner, age, valid, seen, scts, _ in self.issued:
            if not valid or age <= whole or age > 30 * DAY or \
                    not seen + scts:
                continue
            n, only = out.get(owner, (0, 0))
            out[owner] = (n + 1, only + all(log in blind
                                            for log in seen + scts))
        return out

    # --- the same as rows -----------------------------------------------------

    def list_of(self, program):
        ops = {}
        for log in self.logs:
            s = log.says[program]
            if s is None:
                continue
            o = ops.setdefault(s['op'], {'name': s['op'], 'email': [],
                                         'logs': [], 'tiled_logs': []})
            e = {'description': 'log %d' % log.i,
                 'log_id': base64.b64encode(log.id).decode(),
                 'state': {s['state']: {'timestamp': stamp(s['at'])}}}
            if log.test:
                e['log_type'] = 'test'
            o['tiled_logs' if log.proto == 'static' else 'logs'].append(e)
        return json.dumps({'version': '1', 'operators': list(ops.values())})

    def sql(self):
        q = ['set client_min_messages = warning; begin; '
             'truncate operator, log, log_health, tree_head, log_range, '
             'log_list, issuance, entry, sct cascade']
        for p, age in self.fresh.items():
            body = self.list_of(p).encode()
            q.append("insert into log_list (source, sha256, body, verified, "
                     "checked_at) values ('%s', '\\x%s', '\\x%s', true, %s)" %
                     (p, hashlib.sha256(body).hexdigest(), body.hex(),
                      self.ago(age)))
        for log in self.logs:
            q += self.log_sql(log)
        for k, one in enumerate(self.issued):
            q += self.issuance_sql(k, *one)
        return ';\n'.join(q + ['commit;'])

    def ago(self, seconds):
        return at(self.now - seconds)

    def log_sql(self, log):
        ref, s, ms = log.i + 1, log.row, lambda age: int(
            (self.now - age) * 1000)
        yield ("insert into operator (name) values ('%s') on conflict "
               "do nothing" % s['op'])
        yield ("insert into log (id, log_id, operator_id, description, "
               "protocol, url, read_url, key, mmd, state, state_at, "
               "interval_from, interval_to, list_source, first_list, watched, "
               "added_at) overriding system value select %d, '\\x%s', id, "
               "'log %d', '%s', 'u', 'u', '', %d, '%s', %s, %s, %s, '%s', "
               "true, %s, %s from operator where name = '%s'" % (
                   ref, log.id.hex(), log.i, log.proto, MMD[log.proto],
                   s['state'], at(s['at']),
                   *(map(at, log.interval) if log.interval else
                     ('null', 'null')),
                   'chrome' if log.says['chrome'] else 'apple',
                   log.watched(self.now), self.ago(log.added), s['op']))
        heads = log.heads()
        for size, age in heads:
            yield ("insert into tree_head (id, log_ref, tree_size, root_hash, "
                   "timestamp_ms, form, raw, verdict) overriding system value "
                   "values (%d, %d, %d, '', %d, 'sth', '', 'valid')" % (
                       ref * 1000 + size, ref, size, ms(age)))
        if not heads:
            yield ("insert into log_health (log_ref, failing_since) values "
                   "(%d, now())" % ref)
            return
        size, age = heads[-1]
        yield ("insert into log_health (log_ref, head_id, head_size, head_ms, "
               "head_at, caught_up_at, failing_since, growth_per_second, "
               "entries_per_second, progress_at) values "
               "(%d, %d, %d, %d, %s, %s, %s, %s, %s, %s)" % (
                   ref, ref * 1000 + size, size, ms(age),
                   self.ago(0 if log.read == 'old' else age),
                   self.ago(90 if log.read == 'delays' else
                            1e9 if log.read == 'history' else log.age),
                   'now()' if log.read == 'away' else 'null',
                   'null' if log.growth is None else log.growth,
                   'null' if log.speed is None else log.speed,
                   self.ago(log.progress)))
        yield ("insert into log_range (log_ref, size_from, size_to, frontier, "
               "root_hash, head_id) values (%d, 0, 100, '', '', %d)" % (
                   ref, ref * 1000 + heads[0][0]))

    def issuance_sql(self, k, owner, age, valid, seen, scts, served):
        tbs = "'\\x%064x'" % k
        yield ("insert into issuance (tbs_sha256, issuer_spki_sha256, serial, "
               "spki_sha256, names, not_before, not_after, issuer_owner, "
               "issued, first_seen) values (%s, '', '', '', '{}', now(), "
               "now(), '%s', '%s', %s)" % (
                   tbs, owner, 'valid' if valid else 'invalid',
                   self.ago(age)))
        for log in seen:
            yield ("insert into entry (log_ref, index, timestamp_ms, "
                   "entry_type, leaf, leaf_hash, tbs_sha256) values (%d, %d, "
                   "0, 'precert', '', '', %s)" % (log.i + 1, k, tbs))
        for source, logs in (('certificate', scts), ('tls', served)):
            for log in logs:
                yield ("insert into sct (tbs_sha256, log_id, timestamp_ms, "
                       "raw, source) values (%s, '\\x%s', %d, '', '%s')" % (
                           tbs, log.id.hex(), source == 'tls', source))

    # --- the answer -----------------------------------------------------------

    def compare(self, have):
        for w in have['worst_case']:
            yield from self.compare_way(w, w['program'], w['scts'])
        want = sorted('log %d' % log.i for log in self.blind())
        if sorted(x['description'] for x in have['blind_logs']) != want:
            yield 'blind logs: want %s' % want
        e, want = have['estimate'], self.estimate()
        if want is None or e is None:
            if want is not e:
                yield 'estimate: %s' % e
            return
        if {x['issuer_owner']: (x['issuances'], x['only_there'])
                for x in e['issuers']} != want:
            yield 'estimate: want %s, have %s' % (want, e)
        n, only = (sum(x[i] for x in want.values()) for i in (0, 1))
        if (e['issuances'], e['only_there'], e['share']) != (
                n, only, None if n < 20 else only / n):
            yield 'share: want %d of %d, have %s' % (only, n, e)

    def compare_lines(self, lines):
        have = {x['description']: x for x in lines}
        for log in self.logs:
            if not log.watched(self.now):
                continue
            x = have.pop('log %d' % log.i, {})
            for k, want in log.line().items():
                y = x.get(k, 'nothing')
                if want != y and not (k.endswith('_seconds') and None not in
                                      (want, y) and abs(want - y) <= 5):
                    yield 'log %d: %s: want %s, have %s' % (log.i, k, want, y)
        if have:
            yield 'lines of %s' % ', '.join(have)

    def compare_way(self, w, program, way):
        what = '%s %s: ' % (program, way)
        want = self.worst(program, way)
        if abs(want - w['seconds']) > 5:
            yield what + 'want %d s, have %d' % (want, w['seconds'])
        if w['blind'] != (want >= HOUR):
            yield what + 'blind is %s' % w['blind']
        want = self.margin(program, way)
        if w['margin_logs'] != want:
            yield what + 'want margin %s, have %s' % (want, w['margin_logs'])
        if w['seconds'] == 0:
            return
        a, z = (moment(w['not_after_' + x]) for x in ('from', 'to'))
        logs = [x for x in self.logs if 'log %d' % x.i in w['logs']]
        for t in (a + 61, (a + z) / 2, z - 61):
            if not self.suffices(program, way, logs, t, w['seconds']):
                yield what + 'not with notAfter in %f days' % (
                    (t - self.now) / DAY)
        for x in logs:
            if self.suffices(program, way, [y for y in logs if y is not x],
                             (a + z) / 2, w['seconds']):
                yield what + 'log %d can be spared' % x.i

    def tell(self):
        for log in self.logs:
            yield ' '.join(map(str, (
                'log', log.i, log.proto, log.read, round(log.lag()), 'added',
                round(log.added), log.interval and [round(
                    (x - self.now) / DAY, 1) for x in log.interval],
                'test' if log.test else '', *(s and (
                    s['op'], s['state'], round(self.now - s['at']))
                    for s in log.says.values()))))


def stamp(t):
    return time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(t))


def moment(text):
    return calendar.timegm(time.strptime(text[:19], '%Y-%m-%dT%H:%M:%S'))


def at(t):
    return 'to_timestamp(%f)' % t


def main():
    conninfo, program, config = sys.argv[1:4]
    first, last = int(sys.argv[4]), int(sys.argv[5])
    psql = subprocess.Popen(['psql', '-AtXq', '-v', 'ON_ERROR_STOP=1', '-d',
                             conninfo], stdin=subprocess.PIPE, text=True,
                            stdout=subprocess.PIPE)
    bad = hidden = 0
    for seed in range(first, last):
        s = State(seed)
        psql.stdin.write(s.sql() + '\n\\echo done\n')
        psql.stdin.flush()
        if psql.stdout.readline() != 'done\n':
            sys.exit('seed %d: psql failed' % seed)
        ask = [program, '--config', config, '--json', 'coverage']
        r = subprocess.run(ask, stdout=subprocess.PIPE, check=False)
        lines = [json.loads(x) for x in r.stdout.splitlines()]
        r = subprocess.run(ask + ['--blind'], stdout=subprocess.PIPE,
                           check=False)
        try:
            have = json.loads(r.stdout)
        except ValueError:
            sys.exit('seed %d: coverage printed no JSON' % seed)
        wrong = list(s.compare(have)) + list(s.compare_lines(lines))
        want = 2 if have['blind_worst_case_seconds'] >= HOUR else \
            bool(have['blind_logs'])
        if r.returncode != want:
            wrong.append('exit status %d, want %d' % (r.returncode, want))
        hidden += r.returncode == 2
        if wrong:
            bad += 1
            print('seed %d, lists %s' % (seed, s.fresh))
            print('\n'.join('    ' + x for x in wrong + list(s.tell())))
    psql.stdin.close()
    psql.wait()
    print('%d of %d seeds differ, %d are blind' % (bad, last - first, hidden))
    sys.exit(bad != 0 or hidden == 0)


main()
