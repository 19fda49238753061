#!/usr/bin/env escript
%% -*- erlang -*-
%%! +S 1
%% The OTP side of the differential test: runs cases on the installed OTP's own supervisor and prints what happened.
%%
%% A case is one Erlang term a line on standard input: {Tree, Script}. The answer is the lines of its trace and a
%% line "." behind them. The supervisor is the release's own code, but for its clock: the one call of
%% erlang:monotonic_time/1 is redirected to a virtual one, so that windows of seconds cost nothing and their borders
%% are hit exactly.
-module(otp).
-mode(compile).
-export([main/1, log/2, init/1, now/1, start_worker/1, start_supervisor/1, worker_init/2, supervisor_init/2]).

main(_) ->
    {ok, {_, [{abstract_code, {_, Forms}}]}} = beam_lib:chunks(code:which(supervisor), [abstract_code]),
    Renamed = [case F of {attribute, L, module, supervisor} -> {attribute, L, module, vsup}; _ -> redirect(F) end || F <- Forms],
    {ok, vsup, Beam} = compile:forms(Renamed, []),
    {module, vsup} = code:load_binary(vsup, "vsup", Beam),
    ets:new(state, [named_table, public]),
    ets:new(trace, [named_table, public, ordered_set]),
    ets:new(pids, [named_table, public]),
    process_flag(trap_exit, true),
    Collector = spawn(fun() -> collect([]) end),
    register(collector, Collector),
    logger:set_primary_config(level, all),
    [logger:remove_handler(H) || H <- logger:get_handler_ids()],
    ok = logger:add_handler(trace, ?MODULE, #{level => all, filter_default => log}),
    io:format("OTP ~s~n", [erlang:system_info(otp_release)]),
    cases().

redirect({call, L, {remote, _, {atom, _, erlang}, {atom, _, monotonic_time}}, Args}) ->
    {call, L, {remote, L, {atom, L, ?MODULE}, {atom, L, now}}, Args};
redirect({call, L, {remote, _, {atom, _, gen_server}, {atom, _, start_link}} = F, Args}) ->
    {call, L, F, [case A of {atom, L2, supervisor} -> {atom, L2, vsup}; _ -> redirect(A) end || A <- Args]};
redirect(T) when is_tuple(T) -> list_to_tuple([redirect(E) || E <- tuple_to_list(T)]);
redirect([H | T]) -> [redirect(H) | redirect(T)];
redirect(T) -> T.

%% The releases ask for 1 or for second; both mean whole seconds (OTP-081).
now(_) -> ets:lookup_element(state, now, 2) div 1000.

cases() ->
    case io:get_line("") of
        eof -> ok;
        {error, _} -> ok;
        Line ->
            {ok, Tokens, _} = erl_scan:string(Line ++ "."),
            {ok, {Tree, Script}} = erl_parse:parse_term(Tokens),
            run(Tree, Script),
            io:put_chars([[L, $\n] || {_, L} <- ets:tab2list(trace)] ++ ".\n"),
            cases()
    end.

run(Tree, Script) ->
    ets:delete_all_objects(state), ets:delete_all_objects(trace), ets:delete_all_objects(pids),
    ets:insert(state, [{now, 0}, {serial, 0}, {line, 0}, {starts, #{}}]),
    Result = start_supervisor(Tree),
    case Result of
        {ok, Root} -> register(root, Root), say("start -> ok", []), settle(), [step(S) || S <- Script], finish(Root);
        Other -> say("start -> ~s", [term(Other)]), drain(), deaths()
    end.

finish(Root) ->
    case is_process_alive(Root) of
        true ->
            say("> end", []),
            unlink(Root), Ref = monitor(process, Root),
            %% The parent is this process: its exit signal is the parent's.
            exit(Root, shutdown),
            receive {'DOWN', Ref, _, _, _} -> ok end;
        false -> ok
    end,
    drain(), deaths().

drain() -> receive _ -> drain() after 0 -> ok end.

%% One step of the script.
step(Step) ->
    case whereis(root) of
        undefined -> skipped;
        _ -> say("> ~s", [flat(Step)]), do(Step), settle()
    end.

do({advance, Ms}) -> ets:update_counter(state, now, Ms);
do({exit, Id, Reason}) -> with(Id, fun(P) -> P ! {exit, Reason}, gone(P) end);
do({kill, Id}) -> with(Id, fun(P) -> exit(P, kill), gone(P) end);
do({start_child, Sup, Spec}) -> call(Sup, fun(S) -> vsup:start_child(S, spec(Spec)) end);
do({terminate_child, Sup, Id}) -> call(Sup, fun(S) -> vsup:terminate_child(S, Id) end);
do({restart_child, Sup, Id}) -> call(Sup, fun(S) -> vsup:restart_child(S, Id) end);
do({delete_child, Sup, Id}) -> call(Sup, fun(S) -> vsup:delete_child(S, Id) end);
do({count_children, Sup}) -> call(Sup, fun(S) -> lists:sort(vsup:count_children(S)) end).

call(Sup, F) ->
    case find(Sup) of
        P when is_pid(P) -> say("= ~s", [term(try F(P) catch exit:{R, _} -> {exit, R} end)]);
        _ -> say("= no ~s", [Sup])
    end.

with(Id, F) -> case find(Id) of P when is_pid(P) -> F(P); _ -> say("= no ~s", [Id]) end.

gone(P) -> Ref = monitor(process, P), receive {'DOWN', Ref, _, _, _} -> ok end.

%% The living process that was started last under an id.
find(Id) ->
    case ets:lookup(pids, {id, Id}) of
        [{_, P}] -> case is_process_alive(P) of true -> P; false -> undefined end;
        [] -> undefined
    end.

%% Asks until nothing changes any more, then writes down what there is.
settle() ->
    Snap = stable(snapshot(), 3),
    deaths(),
    case Snap of
        dead ->
            catch unregister(root),
            %% This process is linked to the root, and traps.
            receive {'EXIT', _, Reason} -> say("root is dead: ~s", [term(Reason)]) after 1000 -> say("root is dead", []) end;
        _ -> [say("~s", [S]) || S <- Snap]
    end.

stable(Snap, 0) -> Snap;
stable(Snap, N) ->
    erlang:yield(),
    case snapshot() of Snap -> stable(Snap, N - 1); Other -> stable(Other, 3) end.

snapshot() ->
    case whereis(root) of
        undefined -> dead;
        Root ->
            Ref = monitor(process, Root),
            R = try lines(root, Root) catch exit:_ -> gone end,
            receive {'DOWN', Ref, _, _, _} -> dead
            after 0 -> demonitor(Ref, [flush]), case R of gone -> snapshot(); _ -> R end
            end
    end.

lines(Name, Sup) ->
    Children = vsup:which_children(Sup),
    Line = io_lib:format("  ~s: ~s", [Name, lists:join(" ", [[atom_to_list(I), "=", pid(P)] || {I, P, _, _} <- Children])]),
    [Line | lists:append([lines(I, P) || {I, P, supervisor, _} <- lists:reverse(Children), is_pid(P)])].

%% Trees and specs.
start_supervisor({Id, Flags, Children}) -> vsup:start_link(?MODULE, {Id, Flags, Children}).

init({Id, {Strategy, Intensity, Period, Auto}, Children}) ->
    supervisor_init(Id, self()),
    {ok, {#{strategy => Strategy, intensity => Intensity, period => Period, auto_shutdown => Auto}, [spec(C) || C <- Children]}}.

supervisor_init(Id, Pid) ->
    Serial = ets:update_counter(state, serial, 1),
    ets:insert(pids, [{Pid, Serial}, {{id, Id}, Pid}]).

spec({worker, Id, Restart, Significant, Shutdown, Behaviour, Starts}) ->
    #{id => Id, start => {?MODULE, start_worker, [{Id, Behaviour, Starts}]}, restart => Restart,
      significant => Significant, shutdown => Shutdown, type => worker};
spec({supervisor, Id, Restart, Significant, Shutdown, Flags, Children}) ->
    #{id => Id, start => {?MODULE, start_supervisor, [{Id, Flags, Children}]}, restart => Restart,
      significant => Significant, shutdown => Shutdown, type => supervisor}.

%% A start takes the next of the outcomes it was given; after the last, all is well.
start_worker({Id, Behaviour, Outcomes}) ->
    Starts = ets:lookup_element(state, starts, 2),
    N = maps:get(Id, Starts, 0),
    ets:insert(state, {starts, Starts#{Id => N + 1}}),
    Outcome = case N < length(Outcomes) of true -> lists:nth(N + 1, Outcomes); false -> ok end,
    case Outcome of
        ok -> proc_lib:start_link(?MODULE, worker_init, [Id, Behaviour]);
        ignore -> say("start ~s: ignore", [Id]), ignore;
        Reason -> say("start ~s: ~s", [Id, term(Reason)]), {error, Reason}
    end.

worker_init(Id, Behaviour) ->
    process_flag(trap_exit, Behaviour =/= plain),
    Serial = enrol(Id, self()),
    say("start ~s: #~b", [Id, Serial]),
    proc_lib:init_ack({ok, self()}),
    worker(Id, Behaviour).

worker(Id, Behaviour) ->
    receive
        {exit, Reason} -> exit(Reason);
        {'EXIT', _, Reason} ->
            say("asked ~s: ~s", [Id, term(Reason)]),
            case Behaviour of
                obedient -> exit(Reason);
                %% As a gen_server whose parent has ended (OTP-181): nobody outlives a supervisor that was killed.
                stubborn when Reason =:= killed -> exit(killed);
                stubborn -> worker(Id, Behaviour);
                {answers, Other} -> exit(Other)
            end
    end.

enrol(Id, Pid) ->
    Serial = ets:update_counter(state, serial, 1),
    ets:insert(pids, [{Pid, Serial}, {{id, Id}, Pid}]),
    collector ! {watch, self(), Pid, Serial, Id}, receive watched -> ok end,
    Serial.

collect(Deaths) ->
    receive
        {watch, From, Pid, Serial, Id} ->
            Ref = monitor(process, Pid), put(Ref, {Serial, Id}), From ! watched, collect(Deaths);
        {'DOWN', Ref, _, _, Reason} ->
            {Serial, Id} = erase(Ref), collect([{Serial, Id, Reason} | Deaths]);
        {deaths, From} -> From ! {deaths, lists:sort(Deaths)}, collect([])
    end.

deaths() ->
    collector ! {deaths, self()},
    receive {deaths, Deaths} -> [say("died ~s #~b: ~s", [Id, S, term(R)]) || {S, Id, R} <- Deaths] end.

%% What supervisors report.
log(#{msg := {report, #{label := {supervisor, Context}, report := Report}}}, _) ->
    Get = fun(K) -> proplists:get_value(K, Report) end,
    {_, Sup} = case Get(supervisor) of {P, _} when is_pid(P) -> {ok, name(P)}; Other -> {ok, flat(Other)} end,
    case Context of
        progress ->
            Child = Get(started),
            say("report ~s progress ~s ~s", [Sup, proplists:get_value(id, Child), pid(proplists:get_value(pid, Child))]);
        _ ->
            Offender = Get(offender), E = Get(errorContext),
            say("report ~s ~s ~s ~s ~s", [Sup, E, term(Get(reason)), proplists:get_value(id, Offender), pid(proplists:get_value(pid, Offender))])
    end;
log(_, _) -> ok.

name(P) -> case ets:match(pids, {{id, '$1'}, P}) of [[Id]] -> Id; _ -> pid(P) end.

pid(P) when is_pid(P) -> case ets:lookup(pids, P) of [{_, S}] -> io_lib:format("#~b", [S]); [] -> "#?" end;
pid({restarting, P}) -> ["restarting ", pid(P)];
pid(P) -> flat(P).

term({ok, P}) when is_pid(P) -> ["{ok,", pid(P), "}"];
term({error, {R, Child}}) when element(1, Child) =:= child -> term({error, R});
term({error, {already_started, P}}) -> ["{error,{already_started,", pid(P), "}}"];
term(T) -> flat(T).

flat(T) -> io_lib:format("~0p", [T]).

say(Format, Args) ->
    Line = ets:update_counter(state, line, 1),
    ets:insert(trace, {Line, lists:flatten(io_lib:format(Format, Args))}).
