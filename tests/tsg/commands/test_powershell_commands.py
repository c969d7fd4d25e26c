"""What PowerShell in guides does. Nothing here is ever executed."""

from __future__ import annotations

import pytest

from tsg.commands import Does, read_code

LETTERS = {"R": Does.READS, "C": Does.CHANGES, "D": Does.CHANGES, "?": Does.UNKNOWN, "-": Does.NOTHING}
ROWS = r"""
R Get-Service NcHostAgent
R Get-VM | Where-Object {$_.State -eq 'Off'}
R Get-NetAdapter | ft Name, Status, LinkSpeed
R Get-Disk | Format-Table -AutoSize
R Test-NetConnection -ComputerName $h -Port 443
R $x = Get-Cluster
R (Get-ClusterNode).Name
R $x | Select-Object Name, @{n='a';e={$_.b}}
R Get-WinEvent -LogName System | ? { $_.Id -eq 41 }
R foreach ($n in Get-ClusterNode) { Get-Service -ComputerName $n.Name }
R Invoke-Command -ComputerName a -ScriptBlock { Get-Service x }
R Get-Content C:\x.log -Tail 20 | Select-String error
R netsh http show sslcert
R sc query NcHostAgent
R Remove-Item C:\x -WhatIf
R Invoke-RestMethod -Uri http://x/api
R Resolve-DnsName x
R ipconfig /all
R kubectl get pods
R if (Get-Service x) { Get-Process y }
R Update-HostStorageCache
R Update-StorageProviderCache -DiscoveryLevel Full
R Get-Disk | Update-Disk
R Get-IscsiTargetPortal | Update-IscsiTargetPortal
R Update-Help -Module Storage
- Update-TypeData -TypeName Disk -MemberName Owner -Value ops
- Update-FormatData
- Write-Host "done"
- $a = "b"
- Start-Sleep -Seconds 5
- Import-Module FailoverClusters
C Restart-Service NcHostAgent
C Start-Service x
C Stop-Service x -Force
C Set-NetAdapter -Name a -VlanID 3
C Enable-NetAdapter a
C New-Item x.ps1
C Get-VM | Start-VM
C Invoke-Command -ComputerName a -ScriptBlock { Restart-Service x }
C foreach ($n in $all) { Set-NetIntentRetryState -Name $n -Wait }
C Get-Process | Out-File x.txt
C Get-Process > x.txt
C Invoke-RestMethod -Method Post -Uri http://x -Body $b
C Expand-Archive a.zip C:\b
C mkdir C:\x
C netsh winsock reset
C Connect-AzAccount -UseDeviceAuthentication
C $svc | Stop-ScheduledTask
C Move-ClusterGroup x
C ipconfig /flushdns
C kubectl cordon a
C Update-StorageFirmware -ImagePath a.bin
C Update-SomethingCache
C Update-HostStorageCache; Update-VMVersion a
C Update-TypeData .\disk.ps1xml
C Update-FormatData -PrependPath $file
D Remove-Item C:\x -Recurse -Force
D Get-ChildItem C:\x | Remove-Item -Recurse
D Restart-Computer -Force
D Stop-Computer
D Clear-Disk -Number 1
D Format-Volume -DriveLetter D
D Remove-NetIPAddress -InterfaceAlias a -IPAddress b
D Uninstall-WindowsFeature x
D Clear-EventLog -LogName System
D Invoke-Command -ComputerName a -ScriptBlock { Restart-Computer }
D if ($true) { Remove-Item x }
D function f { Remove-Item x }; f
D kubectl delete pod x
D rm C:\x
D $x.Delete()
D Invoke-RestMethod -Method Delete -Uri http://x
? .\fix.ps1 -A b
? C:\tools\fix.ps1
? & $command
? $svc.DoIt()
? some-tool.exe /x
? Invoke-Command -ComputerName a -FilePath x.ps1
"""


@pytest.mark.parametrize(
    ("letter", "text"),
    [pytest.param(r[0], r[2:], id=r[2:][:60]) for r in ROWS.strip().splitlines()],
)
def test_what_powershell_does(letter: str, text: str) -> None:
    rank = [Does.NOTHING, Does.READS, Does.UNKNOWN, Does.CHANGES]
    commands = read_code("powershell", text, 1).commands
    found = max(commands, key=lambda c: rank.index(c.does))
    assert (found.does, found.destructive) == (LETTERS[letter], letter == "D"), found


def test_a_pipeline_over_lines_is_one_command() -> None:
    block = read_code("powershell", "# list\nGet-Disk |\n  Select-Object Number, Name |\n  ft\nRestart-Computer", 5)
    assert [(c.lines.first, c.lines.last, c.does) for c in block.commands] == [
        (6, 8, Does.READS),
        (9, 9, Does.CHANGES),
    ]


def test_lines_continued_by_a_backtick_are_one_command() -> None:
    block = read_code("powershell", "New-VM `\n  -Name a `\n  -NoWait\nGet-VM", 1)
    assert [(c.lines.first, c.lines.last) for c in block.commands] == [(1, 3), (4, 4)]


def test_what_is_set_and_used() -> None:
    (command,) = read_code(
        "powershell", '$x = Get-VM -Name $name | ? { $_.State -eq "<State>" -and $true }', 1
    ).commands
    assert (command.sets, command.uses) == (("x",), ("$name", "<State>"))


def test_output_after_a_prompt_is_output() -> None:
    block = read_code("", "PS C:\\> Get-VM | ft Name\n\nName\n----\na", 1)
    assert [c.text for c in block.commands] == ["Get-VM | ft Name"]
    assert [(s.first, s.last) for s in block.output] == [(3, 5)]


def test_a_line_that_does_not_parse_is_never_a_read() -> None:
    block = read_code("powershell", "Get-VM | ft (\nRemove-Item x", 1)
    assert block.commands[0].does is Does.UNKNOWN
    assert any(c.destructive for c in block.commands)
