#!/usr/bin/env escript
%% -*- erlang -*-
%%! +S 1
%% The OTP side of the differential test: runs cases on the installed OTP's own supervisor and prints what happened.
%%
%% A case is one Erlang term a line on standard input: {Tree, Script}. The answer is the lines of its trace and a
%% line "." behind them. The supervisor is the release's own code, but for its clock: the one call of
%% erlang:monotonic_time/1 is redirected to a virtual one, so that windows of seconds cost nothing and their borders
%% are hit exactly.
%%
%% One scheduler, so that what is ordered by cause is ordered in the trace, too: the collector, which writes down
%% deaths, is served before all others.
-module(otp).
-mode(compile).
-export([main/1, log/2, init/1, now/1, start_worker/1, start_worker/2, start_supervisor/1, worker_init/3]).

main(_) ->
    {ok, {_, [{abstract_code, {_, Forms}}]}} = beam_lib:chunks(code:which(supervisor), [abstract_code]),
    Renamed = [case F of {attribute, L, module, supervisor} -> {attribute, L, module, vsup}; _ -> redirect(F) end || F <- Forms],
    {ok, vsup, Beam} = compile:forms(Renamed, []),
    {module, vsup} = code:load_binary(vsup, "vsup", Beam),
    ets:new(state, [named_table, public]),
    ets:new(trace, [named_table, public, ordered_set]),
    ets:new(pids, [named_table, public]),
    process_flag(trap_exit, true),
    register(collector, spawn_opt(fun() -> collect([]) end, [{priority, max}])),
    %% What is told at debug level only, is not told (OTP-145).
    logger:set_primary_config(level, info),
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
now(_) -> get_state(now) div 1000.

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
    collector ! {begins, self()}, receive begun -> ok end,
    %% OTP-165: one that has answered may go on with a child that ended meanwhile.
    Late = has_dies({Tree, Script}),
    ets:insert(state, [{now, 0}, {serial, 0}, {line, 0}, {late, Late}]),
    case start_supervisor(Tree) of
        {ok, Root} ->
            stable(snapshot(), 3), say("start -> ok", []), settle(), [step(S) || S <- Script], finish(Root);
        Other ->
            say("start -> ~s", [term(Other)]),
            gone(last(root)),
            %% OTP-019: this process is linked and traps.
            receive {'EXIT', _, Reason} -> say("exit in the mailbox: ~s", [term(Reason)]) after 0 -> ok end,
            deaths()
    end,
    [begin exit(P, kill), gone(P) end || [P] <- ets:match(pids, {{squatter, '_'}, '$1'})],
    all_dead(1000),
    drain().

%% Nobody of this case is there any more in the next; one that takes its time to end has it.
all_dead(0) -> say("somebody lives on", []);
all_dead(N) ->
    collector ! {watched, self()},
    receive {watched, 0} -> ok; {watched, _} -> timer:sleep(1), all_dead(N - 1) end.

has_dies({dies, _}) -> true;
has_dies(T) when is_tuple(T) -> has_dies(tuple_to_list(T));
has_dies([H | T]) -> has_dies(H) orelse has_dies(T);
has_dies(_) -> false.

finish(Root) ->
    case is_process_alive(Root) of
        true ->
            say("> end", []),
            %% The parent is this process: its exit signal is the parent's.
            unlink(Root), exit(Root, shutdown), gone(Root), deaths();
        false -> ok
    end.

drain() -> receive _ -> drain() after 0 -> ok end.

%% One step of the script.
step(Step) ->
    case find(root) of
        undefined -> skipped;
        _ -> say("> ~s", [flat(Step)]), settle(case do(Step) of {answers, A} -> A; _ -> [] end)
    end.

do({advance, Ms}) -> ets:update_counter(state, now, Ms);
do({exit, Id, Reason}) ->
    with(Id, fun(P) -> case unlinked(P) of true -> say("= unlinked", []); false -> P ! {exit, Reason}, gone(P) end end);
do({kill, Id}) ->
    with(Id, fun(P) ->
        case unlinked(P) of
            true -> say("= unlinked", []);
            %% Its children die by themselves (OTP-134).
            false -> Below = below(Id, P), exit(P, kill), gone(P), [gone(B) || B <- Below]
        end end);
do({signal, Id, Reason}) ->
    with(Id, fun(P) -> gone(spawn(fun() -> exit(P, Reason) end)) end);
do({squat, Id}) ->
    Driver = self(), Name = registered_name(Id),
    P = spawn(fun() -> Driver ! {squat, catch register(Name, self())}, receive after infinity -> ok end end),
    ets:insert(pids, {P, ets:update_counter(state, serial, 1)}),
    receive
        {squat, true} -> ets:insert(pids, {{squatter, Id}, P}), say("= ok", []);
        {squat, _} -> exit(P, kill), gone(P), say("= taken", [])
    end;
do({vacate, Id}) ->
    case ets:take(pids, {squatter, Id}) of
        [{_, P}] -> exit(P, kill), gone(P), say("= ok", []);
        [] -> say("= no ~s", [Id])
    end;
do({burst, Sup, Exits, Calls}) ->
    with(Sup, fun(S) ->
        erlang:suspend_process(S),
        [case child_of(Id, S) of P when is_pid(P) -> P ! {exit, R}, gone(P); _ -> say("= no ~s", [Id]) end || {Id, R} <- Exits],
        Callers = [caller(C) || C <- Calls],
        erlang:resume_process(S),
        {answers, [answered(C) || C <- Callers]}
    end);
do({retry, Sup, Id, Calls}) ->
    with(Sup, fun(S) ->
        case child_of(Id, S) of
            P when is_pid(P) ->
                ets:insert(state, {{gate, Id, S}, self()}),
                P ! {exit, boom}, gone(P),
                retry(S, Id, Calls);
            _ -> say("= no ~s", [Id])
        end
    end);
do(Call) ->
    Answer = answered(caller(Call)),
    case get_state(late) of true -> {answers, [Answer]}; false -> say("= ~s", [Answer]) end.

%% The start that is to take its time may come later than other starts, which are tried again.
retry(S, Id, Calls) ->
    Driver = self(),
    Helper = spawn(fun() -> Driver ! {idle, self(), catch [C || {_, restarting, _, _} = C <- vsup:which_children(S)]} end),
    receive
        {gate, Starter} ->
            Callers = [caller(C) || C <- Calls],
            Starter ! open,
            Answers = [answered(C) || C <- Callers],
            gone(Helper), {answers, Answers};
        {idle, Helper, [_ | _]} -> retry(S, Id, Calls);
        {idle, Helper, _} ->
            ets:delete(state, {gate, Id, S}),
            stable(snapshot(), 3),
            {answers, [answered(caller(C)) || C <- Calls]}
    end.

%% A process that asks; it has asked when this returns.
caller(Call) ->
    Driver = self(), F = request(Call),
    P = spawn(fun() -> Driver ! {self(), try F() catch exit:{R, _} -> {exit, R}; error:undef -> {exit, undef} end} end),
    has_asked(P), P.

has_asked(P) ->
    case process_info(P, status) of
        {status, S} when S =/= waiting -> erlang:yield(), has_asked(P);
        _ -> ok
    end.

answered(P) -> receive {P, Answer} -> term(Answer) end.

request({F, Sup, {pid, Id}}) -> asked(Sup, fun(S) -> answer(F, vsup:F(S, last(Id))) end);
request({start_child, Sup, {add, Label}}) -> asked(Sup, fun(S) -> vsup:start_child(S, [Label]) end);
request({start_child, Sup, Spec}) -> asked(Sup, fun(S) -> vsup:start_child(S, spec(Spec)) end);
request({count_children, Sup}) -> asked(Sup, fun(S) -> lists:sort(vsup:count_children(S)) end);
request({F, Sup, Id}) -> asked(Sup, fun(S) -> answer(F, vsup:F(S, Id)) end).

%% One that never was there cannot be asked; one that has ended is `noproc' (OTP-045).
asked(Sup, F) -> fun() -> case last(Sup) of P when is_pid(P) -> F(P); _ -> no end end.

%% The start function cannot be compared, nor the modules.
answer(get_childspec, {ok, #{id := Id, restart := R, significant := G, shutdown := S, type := T}}) -> {ok, {Id, R, G, S, T}};
answer(which_child, {ok, {Id, P, T, _}}) -> {ok, {Id, P, T}};
answer(_, Other) -> Other.

with(Id, F) -> case find(Id) of P when is_pid(P) -> F(P); _ -> say("= no ~s", [Id]) end.

gone(P) -> Ref = monitor(process, P), receive {'DOWN', Ref, _, _, _} -> ok end.

%% The process that was started last under an id.
last(Id) -> case ets:lookup(pids, {id, Id}) of [{_, P}] -> P; [] -> undefined end.

%% The same, if it lives.
find(Id) ->
    case last(Id) of
        undefined -> undefined;
        P -> case is_process_alive(P) of true -> P; false -> undefined end
    end.

child_of(Id, Sup) ->
    case find(Id) of
        P when is_pid(P) -> case parent(P) =:= Sup andalso not unlinked(P) of true -> P; false -> undefined end;
        _ -> undefined
    end.

parent(P) -> {dictionary, D} = process_info(P, dictionary), hd(proplists:get_value('$ancestors', D)).

unlinked(P) -> {dictionary, D} = process_info(P, dictionary), proplists:get_value(unlinked, D, false).

below(Id, P) ->
    case ets:lookup(pids, {form, Id}) of
        [] -> [];
        _ -> lists:append([[C | below(I, C)] || {I, C, _, _} <- vsup:which_children(P), is_pid(C)])
    end.

%% Asks until nothing changes any more, then writes down what there is.
settle() -> settle([]).

settle(Answers) ->
    Snap = stable(snapshot(), 3),
    [say("= ~s", [A]) || A <- Answers],
    deaths(),
    case Snap of
        dead ->
            %% This process is linked to the root, and traps.
            Root = last(root),
            receive {'EXIT', Root, Reason} -> say("root is dead: ~s", [term(Reason)]) after 1000 -> say("root is dead", []) end;
        _ -> [say("~s", [S]) || S <- Snap]
    end.

stable(Snap, 0) -> Snap;
stable(Snap, N) ->
    erlang:yield(),
    case snapshot() of Snap -> stable(Snap, N - 1); Other -> stable(Other, 3) end.

snapshot() ->
    case find(root) of
        undefined -> dead;
        Root -> try lines(root, Root) catch exit:_ -> erlang:yield(), snapshot() end
    end.

lines(Name, Sup) ->
    Children = vsup:which_children(Sup),
    Shown = case ets:lookup(pids, {form, Name}) of
        %% In no promised order.
        [{_, simple_one_for_one}] -> lists:sort([lists:flatten(["undefined=", pid(P)]) || {undefined, P, _, _} <- Children]);
        _ -> [[atom_to_list(I), "=", pid(P)] || {I, P, _, _} <- Children]
    end,
    Line = io_lib:format("  ~s: ~s", [Name, lists:join(" ", Shown)]),
    [Line | lists:append([lines(I, P) || {I, P, supervisor, _} <- lists:reverse(Children), is_pid(P)])].

%% Trees and specs.
start_supervisor({Id, Flags, Children}) ->
    case vsup:start_link(?MODULE, {Id, Flags, Children}) of
        {ok, P} -> {ok, P};
        %% The end of one that never was up is its parent's to tell.
        Other -> collector ! {forget, ets:lookup_element(pids, last(Id), 2)}, Other
    end.

init({Id, {Strategy, Intensity, Period, Auto}, Children}) ->
    Serial = ets:update_counter(state, serial, 1),
    ets:insert(pids, [{self(), Serial}, {{id, Id}, self()}, {{form, Id}, Strategy}, {{name, self()}, Id}]),
    collector ! {watch, self(), self(), Serial, {sup, Id}}, receive watched -> ok end,
    {ok, {#{strategy => Strategy, intensity => Intensity, period => Period, auto_shutdown => Auto}, [spec(C) || C <- Children]}}.

spec({worker, Id, Restart, Significant, Shutdown, Behaviour, Starts, Named}) ->
    #{id => Id, start => {?MODULE, start_worker, [{Id, Behaviour, Starts, Named}]}, restart => Restart,
      significant => Significant, shutdown => Shutdown, type => worker};
spec({supervisor, Id, Restart, Significant, Shutdown, Flags, Children}) ->
    #{id => Id, start => {?MODULE, start_supervisor, [{Id, Flags, Children}]}, restart => Restart,
      significant => Significant, shutdown => Shutdown, type => supervisor}.

%% Of a template: the arguments added by a request are behind the template's own (OTP-107).
start_worker({Id, Behaviour, Starts, Named}, Label) ->
    start_worker({list_to_atom(atom_to_list(Id) ++ atom_to_list(Label)), Behaviour, Starts, Named}).

%% A start takes the next of the outcomes it was given; after the last, all is well. It runs in the supervisor.
start_worker({Id, Behaviour, Outcomes, Named}) ->
    case ets:take(state, {gate, Id, self()}) of
        [{_, Driver}] -> Driver ! {gate, self()}, receive open -> ok end, say("start ~s: waits", [Id]), {error, boom};
        [] ->
            N = ets:update_counter(state, {starts, Id}, 1, {{starts, Id}, 0}),
            case lists:nthtail(min(N - 1, length(Outcomes)), Outcomes) of
                [ignore | _] -> say("start ~s: ignore", [Id]), ignore;
                [{fails, Reason} | _] -> say("start ~s: ~s", [Id, term(Reason)]), {error, Reason};
                [raises | _] -> say("start ~s: raises", [Id]), error(crash);
                [{links, Reason} | _] -> say("start ~s: links", [Id]), gone(spawn_link(fun() -> exit(killed) end)), {error, Reason};
                Rest -> proc_lib:start_link(?MODULE, worker_init, [{Id, Named}, Behaviour, Rest])
            end
    end.

worker_init({Id, _}, _, [asks | _]) ->
    try gen_server:call(parent(self()), which_children, 2)
    catch exit:{timeout, _} -> say("start ~s: timeout", [Id])
    end,
    proc_lib:init_ack({error, timeout});
worker_init({Id, Named}, Behaviour, Rest) ->
    process_flag(trap_exit, lists:member(Behaviour, [plain, unlinked]) =:= false),
    Serial = ets:update_counter(state, serial, 1),
    ets:insert(pids, {self(), Serial}),
    try Named andalso register(registered_name(Id), self()) of
        _ ->
            ets:insert(pids, {{id, Id}, self()}),
            collector ! {watch, self(), self(), Serial, Id}, receive watched -> ok end,
            say("start ~s: #~b", [Id, Serial]),
            [begin put(unlinked, true), unlink(parent(self())) end || Behaviour =:= unlinked],
            proc_lib:init_ack({ok, self()}),
            case Rest of [{dies, Reason} | _] -> exit(Reason); _ -> worker(Id, Behaviour) end
    catch error:badarg -> proc_lib:init_ack({error, {already_started, whereis(registered_name(Id))}})
    end.

registered_name(Id) -> list_to_atom("n_" ++ atom_to_list(Id)).

worker(Id, Behaviour) ->
    receive
        {exit, Reason} -> exit(Reason);
        {'EXIT', _, Reason} ->
            say("asked ~s: ~s", [Id, term(Reason)]),
            case Behaviour of
                obedient -> exit(Reason);
                slow when Reason =/= killed -> timer:sleep(1), exit(Reason);
                slow -> exit(Reason);
                %% As a gen_server whose parent has ended (OTP-181): nobody outlives a supervisor that was killed.
                stubborn when Reason =:= killed -> exit(killed);
                stubborn -> worker(Id, Behaviour);
                {answers, Other} -> exit(Other)
            end
    end.

%% Deaths of workers are written down when they happen; those of supervisors are kept until they are asked for.
collect(Deaths) ->
    receive
        {watch, From, Pid, Serial, Id} ->
            put(monitor(process, Pid), {Serial, Id}), From ! watched, collect(Deaths);
        {'DOWN', Ref, _, _, Reason} ->
            case erase(Ref) of
                {Serial, {sup, Id}} -> collect([{Serial, Id, Reason} || get({forgotten, Serial}) =:= undefined] ++ Deaths);
                {Serial, Id} -> died(Serial, Id, Reason), collect(Deaths)
            end;
        {forget, Serial} -> put({forgotten, Serial}, true), collect(lists:keydelete(Serial, 1, Deaths));
        {begins, From} -> erase(), From ! begun, collect([]);
        {watched, From} -> From ! {watched, length([R || {R, _} <- get(), is_reference(R)])}, collect(Deaths);
        {deaths, From} -> From ! {deaths, lists:sort(Deaths)}, collect([])
    end.

died(Serial, Id, Reason) -> say("died ~s #~b: ~s", [Id, Serial, term(Reason)]).

deaths() ->
    collector ! {deaths, self()},
    receive {deaths, Deaths} -> [died(S, I, R) || {S, I, R} <- Deaths] end.

%% What supervisors report.
log(#{msg := {report, #{label := {supervisor, Context}, report := Report}}}, _) ->
    {P, _} = proplists:get_value(supervisor, Report),
    [[Sup]] = ets:match(pids, {{name, P}, '$1'}),
    Child = proplists:get_value(case Context of progress -> started; _ -> offender end, Report),
    Reason = case Context of progress -> ""; _ -> [term(proplists:get_value(reason, Report)), " "] end,
    Get = fun(K) -> proplists:get_value(K, Child) end,
    Who = case Get(nb_children) of undefined -> pid(Get(pid)); N -> flat(N) end,
    Policy = [flat(Get(K)) || K <- [restart_type, significant, shutdown, child_type]],
    say("report ~s ~s ~s~s ~s ~s", [Sup, Context, Reason, Get(id), Who, lists:join(",", Policy)]);
log(_, _) -> ok.

pid(P) when is_pid(P) -> case ets:lookup(pids, P) of [{_, S}] -> io_lib:format("#~b", [S]); [] -> "#?" end;
pid({restarting, P}) -> ["restarting ", pid(P)];
pid(P) -> flat(P).

%% The child's record is told by its id, a stack trace by a word, a process by its number.
term(T) -> flat(bare(T)).

bare(P) when is_pid(P) -> {pid, lists:flatten(pid(P))};
bare({R, [{M, _, _, _} | _]}) when is_atom(M) -> {bare(R), stack};
bare(T) when element(1, T) =:= child -> {child, element(3, T)};
bare(T) when is_tuple(T) -> list_to_tuple([bare(E) || E <- tuple_to_list(T)]);
bare(T) -> T.

flat(T) -> re:replace(io_lib:format("~0p", [T]), "{pid,\"(#[^\"]*)\"}", "\\1", [global, {return, list}]).

get_state(Key) -> ets:lookup_element(state, Key, 2).

say(Format, Args) ->
    Line = ets:update_counter(state, line, 1),
    ets:insert(trace, {Line, lists:flatten(io_lib:format(Format, Args))}).
