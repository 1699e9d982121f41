"""Why our dictionaries differ from those of python-diameter 0.9.0: test_python_diameter.py asks."""

from tests.dictionaries.differences import Explanation

EXPLANATIONS = [
    Explanation(
        "absent there",
        "RFC 8506 added them to RFC 4006, whose table that stack has",
        """
        Subscription-Id-E164 Subscription-Id-Extension Subscription-Id-IMSI Subscription-Id-NAI
        Subscription-Id-Private Subscription-Id-SIP-URI
        """,
    ),
    Explanation(
        "absent there",
        "the overload AVPs of TS 32.299 annex B are not in that table",
        "3GPP-OC-Rating-Group 3GPP-OC-Request-Type 3GPP-OC-Specific-Reduction",
    ),
    Explanation(
        "absent there",
        "younger than that table, which ends with release 16",
        "PSCell-Info",
    ),
    Explanation(
        "name",
        "a synonym of the standard's name, put before it to tell two AVPs apart",
        """
        Acct-Multi-Session-Id:Accounting-Multi-Session-Id Reporting-Reason:3GPP-Reporting-Reason
        SIP-Method:3GPP-SIP-Method
        """,
    ),
    Explanation(
        "name",
        "another spelling of the name that TS 32.299 and TS 29.061 print",
        """
        3GPP-IPv6-DNS-Servers:3GPP-IPv6-DNS-Server
        IP-Realm-Default-Indication:IP-Realm-Default-Indicator ISUP-Cause:ISUP-Release-Cause
        Local-GW-Inserted-Indication:Local-GW-Inserted-Indicator
        MMTel-SService-Type:MMTel-Service-Type Number-Of-Messages-Sent:Number-of-Messages-Sent
        Transcoder-Inserted-Indication:Transcoder-Inserted-Indicator
        User-Session-Id:User-Session-ID VAS-Id:VAS-ID VASP-Id:VASP-ID
        """,
    ),
    Explanation(
        "type",
        "the same octets; the standard calls it a number whose values have names",
        "Inband-Security-Id:Integer32 Result-Code:Integer32 Session-Binding:Integer32",
    ),
    Explanation(
        "type",
        "the standard says Unsigned32; a value that fits both has the same octets",
        """
        Authorization-Lifetime:Integer32 MMTel-SService-Type:Integer32
        Number-Of-Participants:Integer32 Presence-Reporting-Area-Node:Integer32
        Presence-Reporting-Area-Status:Integer32 Service-Mode:Integer32
        """,
    ),
    Explanation(
        "type",
        "four octets that TS 29.061 calls a number",
        "3GPP-Charging-Id:OctetString",
    ),
    Explanation(
        "type",
        "one octet 0xFF, or a header that need not be UTF-8: text would fail",
        "3GPP-Session-Stop-Indicator:Utf8String Access-Network-Information:Utf8String",
    ),
    Explanation(
        "type",
        "a SIP From header, which is text and no address",
        "From-Address:Address",
    ),
    Explanation(
        "no M bit there",
        "TS 32.299 sends its AVPs with V and M; that table leaves M off",
        """
        AF-Correlation-Information Access-Network-Information Access-Transfer-Type
        Account-Expiration Accumulated-Cost Adaptations Additional-Content-Information
        Additional-Type-Information Addressee-Type Alternate-Charged-Party-Address
        AoC-Cost-Information AoC-Format AoC-Information AoC-Request-Type AoC-Service
        AoC-Service-Obligatory-Type AoC-Service-Type AoC-Subscription-Information Applic-ID
        Associated-Party-Address Aux-Applic-Info Base-Time-Interval CSG-Access-Mode
        CSG-Membership-Indication CUG-Information Called-Asserted-Identity
        Carrier-Select-Routing-Information Change-Condition Change-Time Charge-Reason-Code
        Class-Identifier Client-Address Content-Class Content-Size Current-Tariff DCD-Information
        DRM-Content Data-Coding-Scheme Delivery-Report-Requested Destination-Interface Diagnostics
        Domain-Name Dynamic-Address-Flag Dynamic-Address-Flag-Extension Early-Media-Description
        Envelope Envelope-End-Time Envelope-Reporting Envelope-Start-Time Event-Charging-TimeStamp
        IM-Information IMS-Communication-Service-Identifier IMSI-Unauthenticated-Flag
        IP-Realm-Default-Indication Incremental-Cost Initial-IMS-Charging-Identifier Interface-Id
        Interface-Port Interface-Text Interface-Type Local-GW-Inserted-Indication
        Local-Sequence-Number Low-Balance-Indication Low-Priority-Indicator MM-Content-Type
        MMBox-Storage-Requested MME-Name MMTel-Information MMTel-SService-Type
        Media-Initiator-Party Message-Class Message-ID Message-Size Message-Type NNI-Type
        Next-Tariff Node-Id Number-Of-Diversions Number-Of-Messages-Sent
        Number-Portability-Routing-Information Offline-Charging Online-Charging-Flag
        Originator-Interface Originator-Received-Address Originator-SCCP-Address
        Outgoing-Session-Id PDN-Connection-Charging-ID PDP-Address PDP-Context-Type
        Participant-Action-Type Preferred-AoC-Currency Priority Rate-Element
        Read-Reply-Report-Requested Real-Time-Tariff-Information Recipient-Address Recipient-Info
        Recipient-Received-Address Recipient-SCCP-Address Refund-Information Relationship-Mode
        Remaining-Balance Reply-Applic-ID Reply-Path-Requested Requested-Party-Address
        SDP-Answer-Timestamp SDP-Offer-Timestamp SDP-TimeStamps SDP-Type SGSN-Address SGW-Address
        SIP-Request-Timestamp-Fraction SIP-Response-Timestamp-Fraction SM-Discharge-Time
        SM-Message-Type SM-Protocol-ID SM-Service-Type SM-Status SM-User-Data-Header
        SMS-Information SMS-Node SMSC-Address Scale-Factor Service-Data-Container
        Service-Generic-Information Service-Mode Service-Specific-Info Service-Specific-Type
        Serving-Node Serving-Node-Type Session-Direction Start-Time Stop-Time Submission-Time
        Supplementary-Service TAD-Identifier Tariff-Information Tariff-XML Time-First-Usage
        Time-Last-Usage Time-Quota-Mechanism Time-Quota-Type Time-Usage Token-Text
        Traffic-Data-Volumes Transcoder-Inserted-Indication Trigger Type-Number Unit-Cost
        Unit-Quota-Threshold User-CSG-Information VAS-Id VASP-Id VoLTE-Information
        """,
    ),
    Explanation(
        "M bit there",
        "RFC 6733 forbids the M bit; RFC 3588 had it",
        "Error-Message Error-Reporting-Host Firmware-Revision Product-Name",
    ),
    Explanation(
        "M bit there",
        "TS 29.219 forbids the M bit",
        "SN-Request-Type",
    ),
    Explanation(
        "M bit there",
        "RFC 7683, RFC 8581 and RFC 8583 leave the M bit to the application; it is sent off",
        """
        Load Load-Type Load-Value OC-Feature-Vector OC-OLR OC-Peer-Algo OC-Reduction-Percentage
        OC-Report-Type OC-Sequence-Number OC-Supported-Features OC-Validity-Duration SourceID
        """,
    ),
    Explanation(
        "M bit there",
        "RFC 8506 allows both; what is not understood there must not end a session",
        """
        CC-Correlation-Id Service-Parameter-Info Service-Parameter-Type Service-Parameter-Value
        User-Equipment-Info User-Equipment-Info-EUI64 User-Equipment-Info-Extension
        User-Equipment-Info-IMEI User-Equipment-Info-IMEISV User-Equipment-Info-MAC
        User-Equipment-Info-ModifiedEUI64 User-Equipment-Info-Type User-Equipment-Info-Value
        """,
    ),
    Explanation(
        "M bit there",
        "a member of a group that has no M bit itself",
        "Filter-Rule",
    ),
    Explanation(
        "M bit there",
        "comes with a feature, which both ends may lack: sent without M, taken with it",
        """
        3GPP-PS-Data-Off-Status-Gx APN-Aggregate-Max-Bitrate-DL APN-Aggregate-Max-Bitrate-UL
        Allocation-Retention-Priority Application-Service-Provider-Identity Content-Version
        Extended-APN-AMBR-DL Extended-APN-AMBR-UL Extended-GBR-DL Extended-GBR-UL
        Extended-Max-Requested-BW-DL Extended-Max-Requested-BW-UL Feature-List Feature-List-ID
        M2M-Information Media-Component-Status Pre-emption-Capability Pre-emption-Vulnerability
        Presence-Reporting-Area-Identifier Presence-Reporting-Area-Node
        Presence-Reporting-Area-Status Priority-Level RAT-Type SSID Sponsor-Identity
        Supported-Features TCP-Source-Port
        """,
    ),
    Explanation(
        "M bit there",
        "TS 29.061, TS 29.212, TS 29.229 and ETSI set V alone",
        """
        3GPP-Session-Stop-Indicator Logical-Access-ID NBIFOM-Mode NBIFOM-Support
        Physical-Access-ID Presence-Reporting-Area-Information Session-Priority TDF-IP-Address
        """,
    ),
    Explanation(
        "member there",
        "members of Gx commands of the same code, which Gy does not have",
        """
        CreditControlAnswer/Bearer-Control-Mode CreditControlAnswer/Charging-Rule-Install
        CreditControlAnswer/QoS-Information CreditControlAnswer/User-Authorization-Type
        CreditControlRequest/3GPP-MS-TimeZone CreditControlRequest/3GPP-SGSN-MCC-MNC
        CreditControlRequest/3GPP-User-Location-Info CreditControlRequest/AN-GW-Address
        CreditControlRequest/Access-Network-Charging-Address
        CreditControlRequest/Access-Network-Charging-Identifier-Gx
        CreditControlRequest/Bearer-Usage CreditControlRequest/Called-Station-Id
        CreditControlRequest/Default-EPS-Bearer-QoS CreditControlRequest/Event-Trigger
        CreditControlRequest/Framed-IP-Address CreditControlRequest/Framed-IPv6-Prefix
        CreditControlRequest/IP-CAN-Type CreditControlRequest/Network-Request-Support
        CreditControlRequest/Offline CreditControlRequest/Online
        CreditControlRequest/QoS-Information CreditControlRequest/RAT-Type
        CreditControlRequest/Supported-Features ReAuthRequest/Charging-Rule-Install
        ReAuthRequest/Charging-Rule-Remove
        """,
    ),
    Explanation(
        "member there",
        "members of RFC 7155, RFC 4072 and the RADIUS gateways, which share these commands",
        """
        AbortSessionAnswer/Origin-AAA-Protocol AbortSessionRequest/Accounting-Multi-Session-Id
        AbortSessionRequest/Acct-Session-Id AbortSessionRequest/Called-Station-Id
        AbortSessionRequest/Calling-Station-Id AbortSessionRequest/Class
        AbortSessionRequest/Framed-IP-Address AbortSessionRequest/Framed-IPv6-Prefix
        AbortSessionRequest/Framed-Interface-Id AbortSessionRequest/NAS-IP-Address
        AbortSessionRequest/NAS-IPv6-Address AbortSessionRequest/NAS-Identifier
        AbortSessionRequest/NAS-Port AbortSessionRequest/NAS-Port-Id
        AbortSessionRequest/NAS-Port-Type AbortSessionRequest/Origin-AAA-Protocol
        AbortSessionRequest/Originating-Line-Info AbortSessionRequest/Reply-Message
        AbortSessionRequest/Service-Type AbortSessionRequest/State ReAuthAnswer/Auth-Grace-Period
        ReAuthAnswer/Authorization-Lifetime ReAuthAnswer/Class ReAuthAnswer/Configuration-Token
        ReAuthAnswer/Idle-Timeout ReAuthAnswer/Origin-AAA-Protocol ReAuthAnswer/Prompt
        ReAuthAnswer/Re-Auth-Request-Type ReAuthAnswer/Reply-Message ReAuthAnswer/Service-Type
        ReAuthAnswer/State ReAuthRequest/Accounting-Multi-Session-Id ReAuthRequest/Acct-Session-Id
        ReAuthRequest/Called-Station-Id ReAuthRequest/Calling-Station-Id ReAuthRequest/Class
        ReAuthRequest/Framed-IP-Address ReAuthRequest/Framed-IPv6-Prefix
        ReAuthRequest/Framed-Interface-Id ReAuthRequest/NAS-IP-Address
        ReAuthRequest/NAS-IPv6-Address ReAuthRequest/NAS-Identifier ReAuthRequest/NAS-Port
        ReAuthRequest/NAS-Port-Id ReAuthRequest/NAS-Port-Type ReAuthRequest/Origin-AAA-Protocol
        ReAuthRequest/Originating-Line-Info ReAuthRequest/Reply-Message ReAuthRequest/Service-Type
        ReAuthRequest/State SpendingLimitRequest/Origin-AAA-Protocol
        """,
    ),
    Explanation(
        "member there",
        "RFC 6733 has no Route-Record in these answers",
        "AbortSessionAnswer/Route-Record ReAuthAnswer/Route-Record",
    ),
    Explanation(
        "member there",
        "members of the base command that TS 29.219 does not take over",
        """
        SessionTerminationAnswer/Class SessionTerminationAnswer/Origin-AAA-Protocol
        SessionTerminationAnswer/User-Name SessionTerminationRequest/Class
        SessionTerminationRequest/Origin-AAA-Protocol SessionTerminationRequest/User-Name
        """,
    ),
    Explanation(
        "member there",
        "the code of TS 29.219 without its vendor: a fault of that stack",
        "SpendingStatusNotificationRequest/2907-0",
    ),
    Explanation(
        "member here",
        "the code of TS 29.219 with its vendor",
        "SpendingStatusNotificationRequest/SN-Request-Type",
    ),
    Explanation(
        "member there",
        "the SIP-Method of RFC 4740 for that of TS 32.299: a fault of that stack",
        "Event-Type/SIP-Method",
    ),
    Explanation(
        "member here",
        "the SIP-Method of TS 32.299, which has the same name there",
        "Event-Type/SIP-Method",
    ),
    Explanation(
        "member there",
        "PDN-Connection-ID of TS 29.212 for PDN-Connection-Charging-ID: a fault of that stack",
        "PS-Information/PDN-Connection-ID",
    ),
    Explanation(
        "member here",
        "the grammar of TS 32.299 has the charging id of the connection",
        "PS-Information/PDN-Connection-Charging-ID",
    ),
    Explanation(
        "member there",
        "the members of AoC-Information for those of the group in it: a fault of that stack",
        """
        AoC-Subscription-Information/AoC-Cost-Information
        AoC-Subscription-Information/AoC-Subscription-Information
        AoC-Subscription-Information/Tariff-Information
        """,
    ),
    Explanation(
        "member here",
        "the members that TS 32.299 gives the group",
        """
        AoC-Subscription-Information/AoC-Format AoC-Subscription-Information/AoC-Service
        AoC-Subscription-Information/Preferred-AoC-Currency
        """,
    ),
    Explanation(
        "member there",
        "the group in AoC-Information for AoC-Information itself: a fault of that stack",
        "Supplementary-Service/AoC-Subscription-Information",
    ),
    Explanation(
        "member here",
        "the member that TS 32.299 gives the group",
        "Supplementary-Service/AoC-Information",
    ),
    Explanation(
        "member there",
        "exception reports are of the uplink: the two directions were mixed up",
        "APN-Rate-Control-Downlink/Additional-Exception-Reports",
    ),
    Explanation(
        "member here",
        "the two directions were mixed up there, and one member lost",
        """
        APN-Rate-Control-Downlink/Rate-Control-Max-Message-Size
        APN-Rate-Control-Uplink/Additional-Exception-Reports
        """,
    ),
    Explanation(
        "member here",
        "output octets and the change of tariff were forgotten in that stack",
        """
        Granted-Service-Unit/CC-Output-Octets Granted-Service-Unit/Tariff-Time-Change
        Requested-Service-Unit/CC-Output-Octets
        """,
    ),
    Explanation(
        "member here",
        "its answer defines Credit-Control-Failure-Handling twice instead",
        "CreditControlAnswer/Direct-Debiting-Failure-Handling",
    ),
    Explanation(
        "member here",
        "its answer looks for OC-OLR under the number of 3GPP, where another AVP stands",
        "CreditControlAnswer/OC-OLR",
    ),
    Explanation(
        "member here",
        "RFC 6733 lets every answer say what went wrong",
        "CreditControlAnswer/Error-Message CreditControlAnswer/Error-Reporting-Host",
    ),
    Explanation(
        "member here",
        "RFC 8506 has what RFC 4006 had not",
        """
        CreditControlRequest/Subscription-Id-Extension
        Multiple-Services-Credit-Control/QoS-Final-Unit-Indication
        """,
    ),
    Explanation(
        "member here",
        "RFC 8581 added them to RFC 7683",
        "OC-OLR/SourceID OC-Supported-Features/OC-Peer-Algo OC-Supported-Features/SourceID",
    ),
    Explanation(
        "member here",
        "RFC 8506 says which services are to be authorized again; only RFC 6733 was looked at",
        """
        ReAuthAnswer/CC-Sub-Session-Id ReAuthAnswer/G-S-U-Pool-Identifier
        ReAuthAnswer/Rating-Group ReAuthAnswer/Service-Identifier ReAuthRequest/CC-Sub-Session-Id
        """,
    ),
    Explanation(
        "member here",
        "later releases of TS 29.212, TS 29.173 and TS 32.299 added them",
        """
        PS-Information/PSCell-Info
        Presence-Reporting-Area-Information/Presence-Reporting-Area-Node
        QoS-Information/Allocation-Retention-Priority
        QoS-Information/Conditional-APN-Aggregate-Max-Bitrate QoS-Information/Extended-APN-AMBR-DL
        QoS-Information/Extended-APN-AMBR-UL QoS-Information/Extended-GBR-DL
        QoS-Information/Extended-GBR-UL QoS-Information/Extended-Max-Requested-BW-DL
        QoS-Information/Extended-Max-Requested-BW-UL Serving-Node/IP-SM-GW-Name
        Serving-Node/IP-SM-GW-Number
        """,
    ),
    Explanation(
        "member here",
        "the number of a part of a message was forgotten in that stack",
        "SMS-Information/SM-Sequence-Number",
    ),
    Explanation(
        "member here",
        "statuses to come were forgotten in that stack",
        "Policy-Counter-Status-Report/Pending-Policy-Counter-Information",
    ),
    Explanation(
        "member here",
        "TS 29.219 of that stack is of release 11, without overload, load, priority, features",
        """
        SessionTerminationAnswer/DRMP SessionTerminationAnswer/Load
        SessionTerminationAnswer/OC-OLR SessionTerminationAnswer/OC-Supported-Features
        SessionTerminationRequest/DRMP SessionTerminationRequest/OC-Supported-Features
        SpendingLimitAnswer/DRMP SpendingLimitAnswer/Load SpendingLimitAnswer/OC-OLR
        SpendingLimitAnswer/OC-Supported-Features SpendingLimitAnswer/Supported-Features
        SpendingLimitRequest/DRMP SpendingLimitRequest/OC-Supported-Features
        SpendingLimitRequest/Supported-Features
        """,
    ),
    Explanation(
        "member here",
        "TS 29.219 takes them for fixed lines",
        "SpendingLimitRequest/Logical-Access-ID SpendingLimitRequest/Physical-Access-ID",
    ),
    Explanation(
        "required there",
        "nobody rates by it, so that a request without it is served",
        """
        IMS-Information/Node-Functionality Message-Body/Content-Length Message-Body/Content-Type
        PS-Furnish-Charging-Information/3GPP-Charging-Id
        PS-Furnish-Charging-Information/PS-Free-Format-Data TWAN-User-Location-Info/SSID
        UWAN-User-Location-Info/UE-Local-IP-Address
        """,
    ),
    Explanation(
        "required there",
        "clients send it in odd forms, which are taken as they come",
        """
        User-Equipment-Info/User-Equipment-Info-Type User-Equipment-Info/User-Equipment-Info-Value
        """,
    ),
    Explanation(
        "required here",
        "RFC 6733 and TS 29.219 require it: such a request goes to one host",
        """
        AbortSessionRequest/Destination-Host ReAuthRequest/Destination-Host
        SpendingStatusNotificationRequest/Destination-Host
        """,
    ),
    Explanation(
        "required here",
        "the grammar of TS 32.299 requires it, and we write it ourselves",
        "Tariff-Information/Current-Tariff",
    ),
    Explanation(
        "any number here",
        "RFC 3588 let several stand there, and clients of its time are let in",
        "Vendor-Specific-Application-Id/Vendor-Id",
    ),
]
