#!/usr/bin/env escript
%% -*- erlang -*-
%%! -kernel logger_level error
%% A client of Gy and Sy on Erlang/OTP's own Diameter stack (Debian: erlang-base erlang-diameter).
%%
%%     escript erlang_client.escript HOST[,HOST] PORT ORIGIN-HOST ORIGIN-REALM gy|sy|gy,sy \
%%         [CERTIFICATE KEY AUTHORITIES | ADDRESS[,ADDRESS]] < STEPS
%%
%% It connects over TCP, over TLS where it has a certificate, or, where it has addresses of its own,
%% over SCTP (Debian: libsctp1).
%%
%% It sends the requests that stand in STEPS as requests.py writes them, those of one paragraph at
%% the same time. For each answer it prints one line of JSON: the header's flags, the AVPs, what
%% OTP's strict decoder found wrong, and AVPs whose M bit differs from gy.dia or sy.dia. It prints
%% such a line for each request of the server, too, which it answers with 2001 or as the last line
%% `answer COMMAND CODE` says; 0 is no answer at all.
-mode(compile).
-export([main/1]).
-export([peer_up/3, peer_down/3, pick_peer/5, prepare_request/4, prepare_retransmit/4,
         handle_answer/5, handle_error/5, handle_request/3]).

-record(diameter_packet, {header, avps, msg, bin, errors, transport_data}).
-record(diameter_header, {version, length, cmd_code, application_id, hop_by_hop_id, end_to_end_id,
                          is_request, is_proxiable, is_error, is_retransmitted}).
-record(diameter_avp, {code, vendor_id, is_mandatory = false, need_encryption = false,
                       data, name, value, type, index}).
-record(diameter_event, {service, info}).

-define(SERVICE, client).
-define(WAIT, 10000).
-define(TGPP, 10415).
-define(SY, 16777302).

main([Hosts, Port, OriginHost, OriginRealm, Applications | Wire]) ->
    Spoken = [list_to_atom(Name) || Name <- string:lexemes(Applications, ",")],
    [load_dictionary(Name) || Name <- [gy, sy]],
    ok = diameter:start(),
    Places = [{raddr, address(Host)} || Host <- string:lexemes(Hosts, ",")]
        ++ [{rport, list_to_integer(Port)}],
    {Module, Config} = transport(Wire),
    connect([{transport_module, Module}, {transport_config, Places ++ Config}], OriginHost,
            OriginRealm, Spoken),
    run([]),
    ok = diameter:stop_service(?SERVICE),
    halt(0);
main(_) ->
    fatal("write: escript erlang_client.escript HOST[,HOST] PORT ORIGIN-HOST ORIGIN-REALM "
          "gy|sy|gy,sy [CERTIFICATE KEY AUTHORITIES | ADDRESS[,ADDRESS]]").

%% The steps.

run(Sent) ->
    case io:get_line("") of
        eof ->
            answered(Sent);
        "\n" ->
            answered(Sent),
            run([]);
        "wait " ++ Seconds ->
            timer:sleep(1000 * list_to_integer(string:trim(Seconds))),
            run(Sent);
        "answer " ++ How ->
            [Command, Code] = string:lexemes(string:trim(How), " "),
            ok = persistent_term:put({answer, Command}, list_to_integer(Code)),
            run(Sent);
        Line ->
            Self = self(),
            run([spawn_link(fun() -> step(string:trim(Line)), Self ! {self(), answered} end) | Sent])
    end.

answered(Sent) ->
    [receive {Pid, answered} -> ok end || Pid <- Sent].

%% NAME COMMAND T-OR-MINUS END-TO-END-OR-MINUS AVPS
step(Line) ->
    [Step, Named, Again, EndToEnd, Text] = re:split(Line, " ", [{parts, 5}, {return, list}]),
    Command = list_to_existing_atom(Named),
    {Avps, []} = avps(Text),
    send(Step, Command, fields(application(Command), Command, Avps), header(Again, EndToEnd)).

application('CCR') -> gy;
application('SLR') -> sy;
application('STR') -> sy.

header(Again, EndToEnd) ->
    #diameter_header{is_retransmitted = Again =:= "T",
                     end_to_end_id = case EndToEnd of
                                         "-" -> undefined;
                                         _ -> list_to_integer(EndToEnd)
                                     end}.

%% Returns the AVPs up to the end of the text or of the group, as {Name, Value}, and what follows.
avps([]) -> {[], []};
avps([$\s | Rest]) -> avps(Rest);
avps([$} | Rest]) -> {[], Rest};
avps(Text) ->
    {Name, [Sign | Rest]} = lists:splitwith(fun(C) -> C =/= $= andalso C =/= ${ end, Text),
    {Value, After} = case Sign of
                         ${ -> avps(Rest);
                         $= -> value(Rest)
                     end,
    {Avps, End} = avps(After),
    {[{Name, {Sign, Value}} | Avps], End}.

value([$" | Rest]) ->
    {Text, [$" | After]} = lists:splitwith(fun(C) -> C =/= $" end, Rest),
    {Text, After};
value("0x" ++ Rest) ->
    {Digits, After} = word(Rest),
    {binary:decode_hex(list_to_binary(Digits)), After};
value(Text) ->
    {Digits, After} = word(Text),
    {list_to_integer(Digits), After}.

word(Text) ->
    lists:splitwith(fun(C) -> C =/= $\s andalso C =/= $} end, Text).

%% Returns the AVPs of a message or group as OTP wants them; what it has no name for goes to 'AVP'.
fields(Application, In, Avps) ->
    lists:foldl(fun(Avp, Map) -> field(Application, In, Avp, Map) end, #{}, Avps).

field(_, _, {[Digit | _] = Text, {_, Data}}, Map) when Digit >= $0, Digit =< $9, Digit =/= $3 ->
    [Code, Vendor] = [list_to_integer(Part) || Part <- string:lexemes(Text, ":")],
    Avp = #diameter_avp{code = Code, vendor_id = Vendor, is_mandatory = true, data = Data},
    maps:update_with('AVP', fun(Others) -> Others ++ [Avp] end, [Avp], Map);
field(Application, In, {Text, {Sign, Read}}, Map) ->
    Name = name(Text),
    Value = case Sign of
                ${ -> fields(Application, Name, Read);
                $= -> typed(Name, Read)
            end,
    case Application:avp_arity(In, Name) of
        1 -> Map#{Name => Value};
        {_, _} -> maps:update_with(Name, fun(Others) -> Others ++ [Value] end, [Value], Map)
    end.

%% OTP wants a time as a date.
typed('Event-Timestamp', <<Seconds:32>>) ->
    Epoch = calendar:datetime_to_gregorian_seconds({{1900, 1, 1}, {0, 0, 0}}),
    calendar:gregorian_seconds_to_datetime(Epoch + Seconds);
typed(_, Read) ->
    Read.

name("3GPP" ++ Rest) -> list_to_atom("TGPP" ++ Rest);
name(Text) -> list_to_atom(Text).

%% Sending a request and telling of its answer.

send(Step, Command, Request, Header) ->
    Options = [{timeout, ?WAIT}, {extra, [Header]}],
    Application = application(Command),
    case diameter:call(?SERVICE, Application, [Command | Request], Options) of
        #diameter_packet{} = Answer ->
            print((told_of(Application, Answer))#{step => list_to_binary(Step)});
        Other ->
            fatal(io_lib:format("~s: no answer but ~p", [Step, Other]))
    end.

told_of(Application, #diameter_packet{header = Received, errors = Errors, avps = Avps}) ->
    #{flags => flags(Received),
      faults => [text(E) || is_list(Errors), E <- Errors],
      wrong_flags => lists:append([wrong(Application, A) || A <- Avps]),
      avps => [told(A) || A <- Avps]}.

flags(Header) ->
    [Name || {Name, true} <- [{request, Header#diameter_header.is_request},
                              {proxiable, Header#diameter_header.is_proxiable},
                              {error, Header#diameter_header.is_error},
                              {retransmitted, Header#diameter_header.is_retransmitted}]].

told([#diameter_avp{} = Group | Members]) -> [called(Group), [told(Member) || Member <- Members]];
told(#diameter_avp{value = Value} = Avp) -> [called(Avp), plain(Value, Avp)].

called(#diameter_avp{name = undefined, code = Code, vendor_id = undefined}) ->
    iolist_to_binary(io_lib:format("~b:0", [Code]));
called(#diameter_avp{name = undefined, code = Code, vendor_id = Vendor}) ->
    iolist_to_binary(io_lib:format("~b:~b", [Code, Vendor]));
called(#diameter_avp{name = Name}) ->
    case atom_to_binary(Name) of
        <<"TGPP", Rest/binary>> -> <<"3GPP", Rest/binary>>;
        Text -> Text
    end.

plain(Number, _) when is_integer(Number) -> Number;
plain(_, #diameter_avp{data = Data}) ->
    case lists:all(fun(C) -> C >= 32 andalso C =< 126 end, binary_to_list(Data)) of
        true -> Data;
        false -> <<"0x", (binary:encode_hex(Data))/binary>>
    end.

%% The names of AVPs, at every depth, whose M bit is not the dictionary's.
wrong(_, [#diameter_avp{name = 'Failed-AVP'} | _]) ->
    [];
wrong(Application, [Group | Members]) ->
    wrong(Application, Group) ++ lists:append([wrong(Application, Member) || Member <- Members]);
wrong(_, #diameter_avp{name = undefined}) ->
    [];
wrong(Application, #diameter_avp{name = Name, is_mandatory = IsMandatory} = Avp) ->
    {_, Flags, _} = try Application:avp_header(Name)
                    catch error:_ -> diameter_gen_base_rfc6733:avp_header(Name)
                    end,
    case Flags band 16#40 =/= 0 of
        IsMandatory -> [];
        _ -> [called(Avp)]
    end.

%% The connection.

load_dictionary(Name) ->
    Folder = filename:dirname(filename:absname(escript:script_name())),
    Path = filename:join(Folder, atom_to_list(Name) ++ ".dia"),
    {ok, [Forms]} = diameter_make:codec(Path, [return, forms]),
    {ok, Name, Code} = compile:forms(Forms, []),
    {module, Name} = code:load_binary(Name, Path, Code).

%% Without the application `common' OTP would encode CER by the older RFC 3588.
connect(Transport, OriginHost, OriginRealm, Spoken) ->
    true = diameter:subscribe(?SERVICE),
    ok = diameter:start_service(
           ?SERVICE,
           [{'Origin-Host', OriginHost}, {'Origin-Realm', OriginRealm},
            {'Vendor-Id', ?TGPP}, {'Product-Name', "OTP diameter"},
            {'Supported-Vendor-Id', [?TGPP]},
            {'Auth-Application-Id', [4 || gy <- Spoken]},
            {'Vendor-Specific-Application-Id',
             [[{'Vendor-Id', ?TGPP}, {'Auth-Application-Id', [?SY]}] || sy <- Spoken]},
            {decode_format, map}, {strict_mbit, true},
            {application, [{alias, common}, {dictionary, diameter_gen_base_rfc6733},
                           {module, ?MODULE}]}
            | [{application, [{alias, Name}, {dictionary, Name}, {module, ?MODULE},
                              {answer_errors, callback}, {request_errors, callback}]}
               || Name <- Spoken]]),
    {ok, _} = diameter:add_transport(
                ?SERVICE,
                {connect, [{capx_timeout, ?WAIT}, {watchdog_timer, 6000} | Transport]}),
    receive
        #diameter_event{info = Info} when element(1, Info) =:= up -> ok;
        #diameter_event{info = Info} when element(1, Info) =:= closed ->
            fatal(io_lib:format("the connection was refused: ~p", [Info]))
    after ?WAIT ->
        fatal("no connection within 10 s")
    end.

%% TLS from the first octet on, where there is a certificate; the server's has to name nobody.
transport([]) ->
    {diameter_tcp, []};
transport([Own]) ->
    {diameter_sctp, [{ip, address(Each)} || Each <- string:lexemes(Own, ",")]};
transport([Certificate, Key, Authorities]) ->
    ok = ssl:start(),
    {diameter_tcp,
     [{ssl_options, true}, {certfile, Certificate}, {keyfile, Key}, {cacertfile, Authorities},
      {verify, verify_peer}, {server_name_indication, disable}]}.

address(Host) ->
    {ok, Address} = inet:getaddr(Host, inet),
    Address.

peer_up(_Service, _Peer, State) -> State.
peer_down(_Service, _Peer, State) -> State.
pick_peer([Peer | _], _Remote, _Service, _State, _Header) -> {ok, Peer}.
handle_answer(Packet, _Request, _Service, _Peer, _Header) -> Packet.
handle_error(Reason, _Request, _Service, _Peer, _Header) -> {error, Reason}.

prepare_retransmit(Packet, Service, Peer, Header) -> prepare_request(Packet, Service, Peer, Header).

prepare_request(#diameter_packet{msg = [Command | Map]}, _Service, _Peer, Header) ->
    {send, #diameter_packet{header = Header, msg = [Command | maps:merge(Map, origin())]}}.

origin() ->
    maps:from_list(diameter:service_info(?SERVICE, ['Origin-Host', 'Origin-Realm'])).

%% Requests of the server.

handle_request(#diameter_packet{header = Header, msg = [Command | Map]} = Packet, _Service, _Peer) ->
    Application = case Header#diameter_header.application_id of
                      4 -> gy;
                      ?SY -> sy
                  end,
    Code = persistent_term:get({answer, atom_to_list(Command)}, 2001),
    print((told_of(Application, Packet))#{request => Command, answered => Code}),
    answer(Command, Code, maps:with(['Session-Id'], Map)).

answer(_, 0, _) ->
    discard;
answer(_, Code, _) when Code >= 3000, Code < 4000 ->
    {protocol_error, Code};
answer('SNR', Code, Map) ->
    {reply, ['SNA' | (maps:merge(Map, origin()))#{'Result-Code' => [Code]}]};
answer(Command, Code, Map) ->
    Answer = #{'RAR' => 'RAA', 'ASR' => 'ASA'},
    Result = #{'Result-Code' => Code},
    {reply, [maps:get(Command, Answer) | maps:merge(maps:merge(Map, origin()), Result)]}.

%% Output.

print(Map) ->
    io:put_chars([json(Map), $\n]).

fatal(Text) ->
    io:put_chars(standard_error, [Text, $\n]),
    halt(1).

text(Term) ->
    iolist_to_binary(io_lib:format("~0P", [Term, 40])).

json(Atom) when is_atom(Atom) -> json(atom_to_binary(Atom));
json(Number) when is_integer(Number) -> integer_to_binary(Number);
json(Text) when is_binary(Text) -> [$", [escaped(C) || <<C>> <= Text], $"];
json(List) when is_list(List) -> [$[, lists:join($,, [json(E) || E <- List]), $]];
json(Map) when is_map(Map) ->
    [${, lists:join($,, [[json(K), $:, json(V)] || {K, V} <- maps:to_list(Map)]), $}].

escaped(C) when C < 32; C =:= $"; C =:= $\\; C > 126 -> io_lib:format("\\u~4.16.0b", [C]);
escaped(C) -> C.
