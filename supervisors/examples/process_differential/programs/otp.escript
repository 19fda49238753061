#!/usr/bin/env escript
%% -*- erlang -*-
%%! +S 1
%% The OTP side of the differential test of processes: runs programs of small processes and prints what each of them saw.
%%
%% A program is one Erlang term a line on standard input, a list of steps. The answer is the lines of its trace and a
%% line "." behind them. The processes are gen_servers, or plain loops beside them, run by the installed release's own
%% gen, gen_server, proc_lib and sys; only their waits for a time are redirected to a virtual clock, so that a time-out
%% of seconds costs nothing.
%%
%% All players run at high priority on one scheduler: whoever drives them has a turn only when none of them can run, so
%% that each step is over before the next begins.
-module(otp).
-mode(compile).
%% A case that is printed as a script of its own reads none.
-compile([nowarn_unused_function]).
-export([main/1, vstart/1, vcancel/1, init/1, handle_info/2, handle_call/3, handle_cast/2, handle_continue/2, terminate/2]).

-define(VIRTUAL, [gen, gen_server, proc_lib, sys]).

main(_) ->
    [virtual(M) || M <- ?VIRTUAL],
    [ets:new(T, [named_table, public, ordered_set]) || T <- [state, trace, clock]],
    [ets:new(T, [named_table, public]) || T <- [pids, busy]],
    logger:set_primary_config(level, none),
    process_flag(trap_exit, true),
    register(driver, self()),
    register(collector, spawn_opt(fun() -> collect([]) end, [{priority, max}])),
    %% Loading a module is work for others, which a step must not wait for.
    Beams = lists:append([filelib:wildcard(code:lib_dir(A) ++ "/ebin/*.beam") || A <- [stdlib, kernel]]),
    code:ensure_modules_loaded([list_to_atom(filename:basename(B, ".beam")) || B <- Beams]),
    %% Nor is the first time of anything as short as the next.
    [run([{do, o, [{spawn, a, server, monitor, run}, {start, b, link, x, ok, 300}, {call, {id, b}, later, 100}]},
          {advance, 104}, {suspend, b}, {resume, b}, {do, a, [crash]}, {do, o, [{stop, {id, b}, boom, 100}]},
          {do, o, [{timer, {id, o}, 0}]}]) || _ <- lists:seq(1, 20)],
    io:format("OTP ~s~n", [erlang:system_info(otp_release)]),
    cases().

%% A module of the release under the name v..., whose waits are the virtual clock's.
virtual(M) ->
    {ok, {_, [{abstract_code, {_, Forms}}]}} = beam_lib:chunks(code:which(M), [abstract_code]),
    Renamed = [case F of {attribute, L, module, M} -> {attribute, L, module, v(M)}; _ -> redirect(F) end || F <- Forms],
    {ok, V, Beam} = compile:forms(Renamed, []),
    {module, V} = code:load_binary(V, atom_to_list(V), Beam).

v(M) -> list_to_atom("v" ++ atom_to_list(M)).

%% Names of modules are changed where they are called or handed to a call, and kept where they are data.
redirect({call, L, F, Args}) ->
    {call, L, module(F), [case A of {atom, _, _} -> atom(A); _ -> redirect(A) end || A <- Args]};
redirect({'receive', L, Clauses, {integer, _, 0} = Now, After}) ->
    {'receive', L, redirect(Clauses), Now, redirect(After)};
redirect({'receive', L, Clauses, Time, After}) ->
    Var = {var, L, list_to_atom("VT" ++ integer_to_list(erlang:unique_integer([positive])))},
    Call = fun(F, A) -> {call, L, {remote, L, {atom, L, ?MODULE}, {atom, L, F}}, [A]} end,
    Timer = {match, L, Var, Call(vstart, redirect(Time))},
    Over = {clause, L, [{tuple, L, [{atom, L, vtimeout}, Var]}], [], redirect(After)},
    Others = [{clause, L1, P, G, [Call(vcancel, Var) | redirect(B)]} || {clause, L1, P, G, B} <- Clauses],
    {block, L, [Timer, {'receive', L, [Over | Others]}]};
redirect(T) when is_tuple(T) -> list_to_tuple([redirect(E) || E <- tuple_to_list(T)]);
redirect([H | T]) -> [redirect(H) | redirect(T)];
redirect(T) -> T.

module({remote, L, M, F}) -> {remote, L, atom(M), F};
module(F) -> F.

atom({atom, L, M}) -> case lists:member(M, ?VIRTUAL) of true -> {atom, L, v(M)}; false -> {atom, L, M} end;
atom(Other) -> redirect(Other).

vstart(infinity) -> none;
%% By way of another, so that it is behind all that waits already, which wins.
vstart(0) -> Timer = {at_once, ets:update_counter(state, serial, 1)}, collector ! {over, self(), Timer}, Timer;
vstart(Time) ->
    Timer = {now_ms() + Time, ets:update_counter(state, serial, 1)},
    ets:insert(clock, {Timer, self()}),
    Timer.

vcancel(none) -> ok;
vcancel({at_once, _} = Timer) -> receive {vtimeout, Timer} -> ok end;
vcancel(Timer) -> ets:delete(clock, Timer), receive {vtimeout, Timer} -> ok after 0 -> ok end.

vsleep(Time) -> Timer = vstart(Time), receive {vtimeout, Timer} -> ok end.

now_ms() -> ets:lookup_element(state, now, 2).

advance(Until) ->
    case ets:first(clock) of
        {Due, _} = Timer when Due =< Until ->
            [{_, Pid}] = ets:take(clock, Timer),
            ets:insert(state, {now, Due}),
            Pid ! {vtimeout, Timer},
            settle(), advance(Until);
        _ -> ets:insert(state, {now, Until})
    end.

settle() -> [erlang:yield() || _ <- lists:seq(1, 20)].

cases() ->
    case io:get_line("") of
        eof -> ok;
        {error, _} -> ok;
        Line ->
            {ok, Tokens, _} = erl_scan:string(Line ++ "."),
            {ok, Steps} = erl_parse:parse_term(Tokens),
            io:put_chars([[L, $\n] || L <- run(Steps)] ++ ".\n"),
            cases()
    end.

run(Steps) ->
    [ets:delete_all_objects(T) || T <- [state, trace, clock, pids, busy]],
    ets:insert(state, [{now, 0}, {serial, 0}, {line, 0}]),
    O = spawn_opt(fun() -> receive enrolled -> ok end, start(), process_flag(trap_exit, true), loop() end, [{priority, high}]),
    enrol(O, o, plain), O ! enrolled,
    settle(),
    [begin write("> ~b", [N]), step(S), settle(), deaths() end || {N, S} <- lists:zip(lists:seq(1, length(Steps)), Steps)],
    Trace = [L || {_, L} <- ets:tab2list(trace)],
    kill_all(),
    receive_all(),
    Trace.

%% Whoever waited for one that is killed goes on, and may start another.
kill_all() ->
    case [P || {P, _} <- ets:tab2list(pids), is_pid(P), is_process_alive(P)] of
        [] -> collected();
        Ps -> [exit(P, kill) || P <- Ps], settle(), kill_all()
    end.

receive_all() -> receive _ -> receive_all() after 0 -> ok end.

step({advance, Ms}) -> advance(now_ms() + Ms);
step({do, Id, Orders}) ->
    case find(Id) of
        none -> write("~s ~s none", [Id, Id]);
        P -> P ! {do, Orders}, settle(), [receive after 3 -> ok end || lists:keymember(timer, 1, Orders)]
    end;
step({Act, Id}) when Act =:= suspend; Act =:= resume ->
    P = find(Id),
    Can = is_pid(P) andalso is_process_alive(P) andalso ets:lookup(pids, {server, P}) =/= [],
    case Can andalso ets:lookup(busy, P) of
        [] -> ok = sys:Act(P), write("~s ~s ~s", [Id, Id, Act]);
        _ -> write("~s ~s cannot", [Id, Id])
    end.

%% The life of a process ---------------------------------------------------------------------------------------------

%% Its label is its id and how many lives that id has had. Whoever spawns it gives it, before it can run.
enrol(P, Id, Kind) ->
    N = ets:update_counter(pids, {lives, Id}, 1, {{lives, Id}, 0}),
    Label = case Id of o -> "o"; _ -> atom_to_list(Id) ++ integer_to_list(N) end,
    ets:insert(pids, [{P, Label}, {{id, Id}, P}] ++ [{{server, P}, true} || Kind =:= server]).

%% What it does first. One that is ended before has not lived, here and there.
start() ->
    collector ! {watch, self(), label(self())}, receive watched -> ok end,
    put(label, label(self())), put(monitors, []), put(pending, []), put(timers, []).

%% Hears why each of them ended.
collect(Deaths) ->
    receive
        {watch, P, Label} -> put(monitor(process, P), Label), P ! watched, collect(Deaths);
        {'DOWN', Ref, _, _, R} -> collect([{erase(Ref), R} | Deaths]);
        {over, P, Timer} -> P ! {vtimeout, Timer}, collect(Deaths);
        {deaths, From} -> From ! {deaths, lists:sort(Deaths)}, collect([])
    end.

collected() -> collector ! {deaths, self()}, receive {deaths, Deaths} -> Deaths end.

deaths() -> [write("~s ~s died ~s", [L, L, term(R)]) || {L, R} <- collected()].

%% A spawned server gets into gen_server's own loop; one that is linked has a parent (OTP-181), any other one that
%% never ends.
begin_as(server, Parent, Begin) ->
    put('$ancestors', [Parent]), put('$initial_call', {?MODULE, init, 1}),
    start(), begin_with(Begin),
    vgen_server:enter_loop(?MODULE, [], s);
begin_as(plain, _, Begin) -> start(), begin_with(Begin), loop().

begin_with(run) -> ok;
begin_with(crash) -> error(boom);
begin_with(Reason) -> exit(Reason).

init({Id, Init}) ->
    put(label, "?"), ets:insert(pids, {self(), "?"}),
    case Init of {slow, Ms} -> vsleep(Ms); _ -> ok end,
    Enrol = fun() -> enrol(self(), Id, server), start() end,
    case Init of
        ignore -> ignore;
        {stop, Reason} -> {stop, Reason};
        crash -> Enrol(), error(boom);
        trap -> Enrol(), process_flag(trap_exit, true), {ok, s};
        continue -> Enrol(), self() ! {msg, get(label), 0}, {ok, s, {continue, []}};
        _ -> Enrol(), {ok, s}
    end.

terminate(Reason, _) -> say("terminate ~s", [term(Reason)]).

handle_info({do, Orders}, S) -> run(Orders, S);
handle_info({msg, From, N}, S) -> say(From, "msg ~b", [N]), {noreply, S};
handle_info(timeout, S) -> say("idle", []), {noreply, S};
handle_info({'EXIT', P, R}, S) -> say(label(P), "exit ~s ~s", [term(R), freed(P)]), {noreply, S};
handle_info({'DOWN', Ref, process, Object, R}, S) ->
    Who = case Object of {Name, _} -> Name; _ -> label(Object) end,
    say(down_by(Object), "down m~b ~s ~s ~s", [proplists:get_value(Ref, get(monitors)), Who, term(R), freed(Object)]),
    {noreply, S};
handle_info(Other, S) -> say("stray ~s", [term(Other)]), {noreply, S}.

handle_cast({cast, From, N}, S) -> say(From, "cast ~b", [N]), {noreply, S}.

handle_continue(Orders, S) -> say("continued", []), run(Orders, S).

handle_call({req, From, K}, Tag, S) ->
    say(From, "call ~s", [term(K)]),
    case K of
        answer -> {reply, 7, S};
        later -> put(pending, get(pending) ++ [Tag]), {noreply, S};
        never -> {noreply, S};
        {stop, R} -> {stop, R, S};
        {reply_stop, R} -> {stop, R, 8, S};
        crash -> error(boom);
        killself -> exit(self(), kill), {noreply, S}
    end.

%% A plain process: no gen_server, the same manners but no last word.
loop() ->
    receive
        {'$gen_call', Tag, Req} ->
            case handle_call(Req, Tag, s) of
                {reply, A, _} -> gen_server:reply(Tag, A), loop();
                {stop, R, A, _} -> gen_server:reply(Tag, A), exit(R);
                Other -> go_on(Other)
            end;
        {'$gen_cast', Msg} -> go_on(handle_cast(Msg, s));
        {system, Tag, {terminate, R}} -> gen:reply(Tag, ok), exit(R);
        Msg -> go_on(handle_info(Msg, s))
    end.

go_on({noreply, _}) -> loop();
go_on({noreply, _, {continue, Orders}}) -> go_on(handle_continue(Orders, s));
go_on({noreply, _, _}) -> loop();
go_on({stop, R, _}) -> exit(R).

%% Orders ------------------------------------------------------------------------------------------------------------

run([], S) -> {noreply, S};
run([{idle, Ms} | _], S) -> {noreply, S, Ms};
run([continue | Rest], S) -> {noreply, S, {continue, Rest}};
run([{'end', R} | _], S) -> {stop, R, S};
run([crash | _], _) -> error(boom);
run([Order | Rest], S) -> order(Order), run(Rest, S).

order({spawn, Id, Kind, Tie, Begin}) ->
    fresh(Id, fun() ->
        Parent = case Tie of link -> self(); _ -> whereis(driver) end,
        Fun = fun() -> begin_as(Kind, Parent, Begin) end,
        Ties = case Tie of link -> [link]; monitor -> [monitor]; none -> [] end,
        case spawn_opt(Fun, [{priority, high} | Ties]) of
            {P, Ref} -> enrol(P, Id, Kind), say("spawned m~b", [known(Ref)]);
            P -> enrol(P, Id, Kind), say("spawned", [])
        end
    end);
order({start, Id, Tie, Name, Init, Limit}) ->
    fresh(Id, fun() ->
        Options = [{spawn_opt, [{priority, high}]} | [{timeout, Limit} || Limit =/= infinity]],
        Result = busy(fun() ->
            case {Tie, Name} of
                {none, none} -> vgen_server:start(?MODULE, {Id, Init}, Options);
                {none, _} -> vgen_server:start({local, Name}, ?MODULE, {Id, Init}, Options);
                {link, none} -> vgen_server:start_link(?MODULE, {Id, Init}, Options);
                {link, _} -> vgen_server:start_link({local, Name}, ?MODULE, {Id, Init}, Options)
            end
        end),
        say("start -> ~s", [case Result of
            {ok, P} -> ["ok ", label(P)];
            {error, {already_started, P}} -> ["already started ", label(P)];
            _ -> term(Result)
        end])
    end);
order({send, T, N}) ->
    to(T, fun(D) -> try D ! {msg, get(label), N} of _ -> ok catch error:badarg -> say("send -> badarg", []) end end);
order({cast, T, N}) -> to(T, fun(D) -> ok = vgen_server:cast(D, {cast, get(label), N}) end);
order({call, T, K, Limit}) ->
    to(T, fun(D) ->
        Req = {req, get(label), K},
        Result = busy(fun() ->
            try case Limit of default -> vgen_server:call(D, Req); _ -> vgen_server:call(D, Req, Limit) end of
                A -> io_lib:format("~b", [A])
            catch exit:{R, {gen_server, call, _}} -> ["exit ", term(R)]
            end
        end),
        say("call -> ~s", [Result])
    end);
order(reply) -> [gen_server:reply(Tag, 9) || Tag <- get(pending)], put(pending, []);
order({stop, T, R, Limit}) ->
    to(T, fun(D) ->
        Result = busy(fun() ->
            try vgen_server:stop(D, R, Limit)
            catch exit:{E, {sys, terminate, _}} -> ["exit ", term(E)]; exit:E -> ["exit ", term(E)]
            end
        end),
        say("stop -> ~s", [Result])
    end);
order({link, Id}) ->
    to({id, Id}, fun(P) ->
        %% OTP-153: the error is raised at the call; nobody catches it here. Ours is a signal, so it is one here, too.
        try link(P) of true -> say("link -> true", []) catch error:noproc -> exit(self(), noproc) end
    end);
order({unlink, Id}) -> to({id, Id}, fun(P) -> unlink(P), say("unlink -> true", []) end);
order({monitor, {name, Name}}) -> say("monitor -> m~b", [known(monitor(process, Name))]);
order({monitor, T}) -> to(T, fun(P) -> say("monitor -> m~b", [known(monitor(process, P))]) end);
order({demonitor, N, Options}) ->
    case lists:keytake(N, 2, get(monitors)) of
        {value, {Ref, _}, _} ->
            case get({taken, N}) of
                undefined -> put({taken, N}, true), say("demonitor m~b -> ~s", [N, demonitor(Ref, Options)]);
                _ -> say("demonitor m~b again", [N])
            end;
        false -> say("demonitor m~b none", [N])
    end;
order({trap, Flag}) -> process_flag(trap_exit, Flag);
order({exit, Id, R}) -> to({id, Id}, fun(P) -> true = exit(P, R) end);
order({register, Name, Id}) ->
    to({id, Id}, fun(P) -> say("register -> ~s", [try register(Name, P) catch error:badarg -> badarg end]) end);
order({unregister, Name}) -> say("unregister -> ~s", [try unregister(Name) catch error:badarg -> badarg end]);
order({whereis, Name}) -> say("whereis -> ~s", [case whereis(Name) of undefined -> undefined; P -> label(P) end]);
order({timer, T, Ms}) -> to(T, fun(D) -> put(timers, [erlang:send_after(Ms, D, {msg, get(label), 99}) | get(timers)]) end);
order(cancel) ->
    case get(timers) of
        [] -> say("cancel none", []);
        [Timer | _] -> say("cancel -> ~s", [case erlang:cancel_timer(Timer) of false -> false; _ -> left end])
    end.

%% One id, one life.
fresh(Id, F) ->
    case find(Id) of
        none -> F();
        P -> case is_process_alive(P) of true -> say("alive", []); false -> F() end
    end.

to({name, Name}, F) -> F(Name);
to({id, Id}, F) -> case find(Id) of none -> say("none", []); P -> F(P) end.

busy(F) -> ets:insert(busy, {self()}), R = F(), ets:delete(busy, self()), R.

known(Ref) -> N = length(get(monitors)) + 1, put(monitors, [{Ref, N} | get(monitors)]), N.

find(Id) -> case ets:lookup(pids, {id, Id}) of [{_, P}] -> P; [] -> none end.

label(P) -> case ets:lookup(pids, P) of [{_, L}] -> L; [] -> "?" end.

%% OTP-158: whoever hears of a death finds the name free.
freed(P) ->
    case [N || N <- [x, y], whereis(N) =:= P] of [] -> "free"; _ -> "held" end.

down_by({_, _}) -> get(label);
down_by(P) -> label(P).

term({error, R}) -> ["{error,", term(R), "}"];
term({R, [{_, _, _, _} | _]}) -> ["{", term(R), ",_}"];
term(R) -> io_lib:format("~0p", [R]).

say(Format, Args) -> say(get(label), Format, Args).
say(From, Format, Args) -> write("~s ~s " ++ Format, [get(label), From | Args]).

write(Format, Args) ->
    Line = ets:update_counter(state, line, 1),
    ets:insert(trace, {Line, lists:flatten(io_lib:format(Format, Args))}).
