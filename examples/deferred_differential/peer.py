"""Runs programs over Deferreds on the real Twisted: one program a line in, one trace a line out, both JSON."""

import gc
import json
import sys
import warnings

try:
    import twisted
    from twisted.internet import defer, task
    from twisted.logger import globalLogPublisher
    from twisted.python import failure as failure_module
except ImportError:
    sys.exit(3)

warnings.simplefilter("ignore")
QUEUE = (1, 1)


class Failure(failure_module.Failure):
    """A failure without frames: they would keep deferreds alive that the program has let go."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.cleanFailure()
        if self.value is not None:
            self.value.__traceback__ = None
            self.value.__context__ = None
            self.value.__cause__ = None


defer.Failure = Failure


class E(Exception):
    def __init__(self, number):
        super().__init__(number)
        self.number = number


# A cancel that goes round in a circle recurses for ever in Twisted; here, as in Rust, it changes nothing.
plain_cancel = defer.Deferred.cancel
list_cancel = defer.DeferredList.cancel
cancelling = set()


def in_a_circle(d):
    seen = set()
    while d.called and isinstance(getattr(d, "result", None), defer.Deferred):
        if id(d) in seen:
            return True
        seen.add(id(d))
        d = d.result
    return False


def guard(original):
    def cancel(self):
        if self.called:
            if not in_a_circle(self):
                original(self)
            return
        if id(self) in cancelling:
            return
        with_members = isinstance(self, defer.DeferredList)
        if not with_members and not self._canceller:
            original(self)
            return
        cancelling.add(id(self))
        try:
            original(self)
        finally:
            cancelling.discard(id(self))

    return cancel


# For printing only, and it would keep deferreds alive that nothing else holds.
defer.Deferred._chainedTo = property(lambda self: None, lambda self, other: None)
defer.Deferred.cancel = guard(plain_cancel)
defer.DeferredList.cancel = guard(list_cancel)


def show_error(error):
    if isinstance(error, E):
        return "E%d" % error.number
    if isinstance(error, defer.CancelledError):
        return "Cancelled"
    if isinstance(error, defer.AlreadyCalledError):
        return "AlreadyCalled"
    if isinstance(error, defer.TimeoutError):
        return "TimedOut(%d)" % error.args[0]
    if isinstance(error, defer.FirstError):
        return "First(%d,%s)" % (error.index, show_error(error.subFailure.value))
    if isinstance(error, defer.FailureGroup):
        return "Group(%s)" % ",".join(show_error(f.value) for f in error.failures)
    if isinstance(error, AssertionError):
        return "NotLocked"
    return repr(error)


def show(value):
    if isinstance(value, failure_module.Failure):
        return "!" + show_error(value.value)
    if isinstance(value, list):
        return "[%s]" % ",".join(
            "T:" + show(v) if well else "F:" + show_error(v.value) for well, v in value
        )
    if isinstance(value, tuple):
        return "first(%d=%s)" % (value[1], show(value[0]))
    return str(value)


class World:
    def __init__(self):
        self.slots = {}
        self.kinds = {}
        self.paused = {}
        self.trace = []
        self.aside = []
        self.clock = task.Clock()
        self.locks = [defer.DeferredLock(), defer.DeferredSemaphore(2)]
        self.queue = defer.DeferredQueue(*QUEUE)

    def say(self, line):
        self.trace.append(line)

    def told(self):
        gc.collect()
        self.trace.extend(sorted(self.aside))
        del self.aside[:]

    def observe(self, event):
        found = event.get("log_failure")
        if found is None:
            return
        own = (event.get("log_format") or "").startswith("Exception raised from user")
        self.aside.append(("canceller " if own else "unhandled ") + show_error(found.value))

    def run(self, program):
        for number, op in enumerate(program["ops"]):
            self.say("- %d" % number)
            self.op(op)
            self.told()
        for slot in sorted(self.slots):
            self.say("- look %d" % slot)
            self.probe(slot)
            self.told()
        self.say("- end")
        self.slots.clear()
        self.told()
        return self.trace

    def members(self, slots):
        return [self.slots[s] for s in slots if s in self.slots]

    def keep(self, slot, d, kind="other"):
        self.slots[slot] = d
        self.kinds[slot] = kind

    def inside(self, make, convert=None):
        """As `map` in Rust: a deferred that waits for the one that is made."""
        d = defer.Deferred()
        d.addCallback(lambda _: make())
        if convert:
            d.addCallback(convert)
        d.callback(None)
        return d

    def op(self, op):
        name, slot = op["op"], op.get("slot")
        if name == "new":
            self.keep(slot, self.make(slot, op["canceller"]), "plain")
        elif name == "succeed":
            self.keep(slot, defer.succeed(op["value"]), "plain")
        elif name == "fail":
            self.keep(slot, defer.fail(E(op["error"])), "plain")
        elif name == "list":
            self.keep(
                slot,
                defer.DeferredList(
                    self.members(op["members"]),
                    fireOnOneCallback=op["one_callback"],
                    fireOnOneErrback=op["one_errback"],
                    consumeErrors=op["consume"],
                ),
            )
        elif name == "gather":
            members, consume = self.members(op["members"]), op["consume"]
            make = lambda: defer.gatherResults(members, consumeErrors=consume)
            self.keep(slot, self.inside(make, lambda vs: "gathered(%s)" % ",".join(map(show, vs))))
        elif name == "race":
            members = self.members(op["members"])
            make = lambda: defer.race(members)
            self.keep(slot, self.inside(make, lambda won: "won(%d=%s)" % (won[0], show(won[1]))))
        elif name == "timeout":
            self.timeout(slot, op["seconds"], op["value"])
        elif name == "acquire":
            self.keep(slot, self.inside(self.locks[op["lock"]].acquire, lambda _: "lock"))
        elif name == "run":
            lock, body = self.locks[op["lock"]], op["body"]
            self.keep(slot, self.inside(lambda: lock.run(self.body, body, None, None)))
        elif name == "get":
            try:
                self.keep(slot, self.queue.get())
            except defer.QueueUnderflow:
                self.say("underflow")
        elif name == "coroutine":
            self.keep(slot, self.awaiting(slot, op["awaits"]), "coroutine")
        else:
            self.act(op)

    def act(self, op):
        name, slot = op["op"], op.get("slot")
        d, kind = self.slots.get(slot), self.kinds.get(slot)
        if slot is not None and d is None:
            return
        try:
            if name == "add":
                self.add(d, slot, op)
            elif name == "fire" and kind == "plain":
                d.callback(op["value"])
            elif name == "fire_error" and kind == "plain":
                d.errback(E(op["error"]))
            elif name == "cancel":
                d.cancel()
            elif name == "pause" and kind != "coroutine":
                self.paused[slot] = self.paused.get(slot, 0) + 1
                d.pause()
            elif name == "unpause" and self.paused.get(slot, 0) > 0:
                self.paused[slot] -= 1
                d.unpause()
            elif name == "chain":
                to = self.slots.get(op["to"])
                if slot < op["to"] and to is not None and self.kinds[op["to"]] == "plain":
                    d.chainDeferred(to)
            elif name == "advance":
                self.clock.advance(op["seconds"])
            elif name == "drop":
                del self.slots[slot]
            elif name == "release":
                self.locks[op["lock"]].release()
            elif name == "put":
                self.queue.put(op["value"])
        except defer.AlreadyCalledError:
            self.say("already called")
        except AssertionError:
            self.say("not locked")
        except defer.QueueOverflow:
            self.say("overflow")
        except Exception as error:
            self.say("raised " + show_error(error))

    def make(self, slot, canceller):
        kind, value = canceller["kind"], canceller.get("with")
        if kind == "none":
            return defer.Deferred()

        def cancel(d):
            self.say("canceller %d" % slot)
            try:
                if kind == "value":
                    d.callback(value)
                elif kind == "error":
                    d.errback(E(value))
            except defer.AlreadyCalledError:
                self.say("already called")
            if kind == "raise":
                raise E(value)

        return defer.Deferred(cancel)

    def add(self, d, slot, op):
        run = lambda given, body: self.body(body, slot, given)
        side, body, other = op["side"], op["body"], op["other"]
        if side == "callback":
            d.addCallback(run, body)
        elif side == "errback":
            d.addErrback(run, body)
        elif side == "both" or other is None:
            d.addBoth(run, body)
        else:
            d.addCallbacks(run, run, callbackArgs=(body,), errbackArgs=(other,))

    def timeout(self, slot, seconds, value):
        d = self.slots.get(slot)
        if d is None:
            return
        if value is None:
            d.addTimeout(seconds, self.clock)
            return

        def handler(result, after):
            self.say("timed out %d after %d with %s" % (slot, after, show(result)))
            return value

        d.addTimeout(seconds, self.clock, handler)

    def body(self, body, owner, given):
        self.say("call %d %s" % (body["id"], show(given)))
        for action in body["actions"]:
            self.act(action)
        kind, value = body["ret"]["kind"], body["ret"].get("with")
        if kind == "pass":
            return given
        if kind == "value":
            return value
        if kind in ("raise", "panic"):
            raise E(value)
        if kind == "failure":
            return Failure(E(value))
        if kind == "wait":
            d = self.slots.get(value)
            if d is None:
                return "gone"
            if d._runningCallbacks and owner != value:
                return "busy"
            return d
        return None

    @defer.inlineCallbacks
    def awaiting(self, own, awaits):
        done = False
        try:
            for one in awaits:
                d = self.slots.get(one["slot"])
                if d is None:
                    continue
                try:
                    value = yield d
                    self.say("coroutine %d got %s" % (own, show(value)))
                except Exception as error:
                    self.say("coroutine %d caught %s" % (own, show_error(error)))
                    if not one["catch"]:
                        done = True
                        raise
                finally:
                    d = value = None
            done = True
        finally:
            if not done:
                self.aside.append("coroutine %d closed" % own)
        return "coroutine %d" % own

    def probe(self, slot):
        def look(result):
            self.say("has " + show(result))
            return result

        if slot in self.slots:
            self.slots[slot].addBoth(look)


def main():
    # The default observer writes to stderr; ours is the only one wanted.
    from twisted.logger import globalLogBeginner

    globalLogBeginner.beginLoggingTo([], redirectStandardIO=False, discardBuffer=True)
    print(json.dumps({"twisted": twisted.__version__}), flush=True)
    gc.collect()
    gc.freeze()
    gc.disable()
    for line in sys.stdin:
        world = World()
        globalLogPublisher.addObserver(world.observe)
        trace = world.run(json.loads(line))
        globalLogPublisher.removeObserver(world.observe)
        print(json.dumps(trace), flush=True)
        del world, trace
        gc.collect()


main()
